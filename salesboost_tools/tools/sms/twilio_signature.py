"""Is a callback really Twilio's? It signs the URL and the form with the account's secret.

Source: Twilio, "Validating requests are coming from Twilio": HMAC-SHA1 over the full URL, followed by the form's fields
in the order of their names, name and value without anything between; Base64.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

Params = Mapping[str, str | Sequence[str]]
"""The fields of a form; a field that came several times has all its values."""

_PORTS = {"https": 443, "http": 80}


def signature_of(url: str, params: Params, auth_token: str) -> str:
    """Return the signature of a request.

    Args:
        url: As Twilio called it, query included.
        params: The form; empty for a GET.
        auth_token: The account's secret.
    """
    signed = url + "".join(name + value for name in sorted(params) for value in sorted(_values(params[name])))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def is_twilios(url: str, params: Params, signature: str, auth_token: str) -> bool:
    """Return whether a request carries Twilio's signature.

    The URL counts with and without its port: what signs does not always see the port that was called. Compared in
    constant time.
    """
    given = signature.encode()
    matches = [hmac.compare_digest(signature_of(each, params, auth_token).encode(), given) for each in _spellings(url)]
    return any(matches)


def _values(value: str | Sequence[str]) -> set[str]:
    return {value} if isinstance(value, str) else set(value)


def _spellings(url: str) -> set[str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return {url, _with_place(parts, host), _with_place(parts, f"{host}:{port}")}


def _with_place(parts: SplitResult, place: str) -> str:
    return parts._replace(netloc=place).geturl()
