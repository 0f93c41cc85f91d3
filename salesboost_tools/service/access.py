"""Who may call the service, and as whom.

A request carries a bearer token (RFC 6750). It is either the one secret of `TOOL_API_TOKEN`, whose caller the settings
name, or a JSON Web Token (RFC 7519) signed with `TOOL_API_JWT_KEY`, whose claims say who calls. Nothing in a body or a
query does.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jwt

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.settings import Settings

OPERATOR_ROLE = "system"
"""The role that sees what is going on in all tenants: metrics, statistics, live status."""

_OPERATOR = Caller(role=OPERATOR_ROLE)

_LEAST_KEY_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 is at least as long as the hash."""


class NotAuthenticatedError(Exception):
    """A request came without a token, or with one that is not valid."""


@dataclass(frozen=True, slots=True)
class Access:
    """Tells who calls from the token of a request.

    Args:
        token: The secret of operators; None for none.
        token_caller: As whom it calls; without any token or key, as whom everybody calls.
        jwt_key: Verifies further tokens: a secret of 32 bytes or more (HS256), or a public key in PEM (RS256, ES256,
            EdDSA). None for none.

    Raises:
        ConfigurationError: A token is empty or a key too short.
    """

    token: str | None = None
    token_caller: Caller = _OPERATOR
    jwt_key: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.strip():
            raise ConfigurationError("TOOL_API_TOKEN is empty; leave it unset, or set it to a secret")
        key = self.jwt_key
        if key is not None and not _is_public_key(key) and len(key.encode()) < _LEAST_KEY_BYTES:
            raise ConfigurationError(f"TOOL_API_JWT_KEY is a secret of {_LEAST_KEY_BYTES} bytes or more, or a PEM")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        caller = Caller(role=settings.api_role, tenant_id=settings.api_tenant)
        return cls(settings.api_token, caller, settings.api_jwt_key)

    @property
    def is_guarded(self) -> bool:
        """False if nobody needs a token."""
        return self.token is not None or self.jwt_key is not None

    def caller_of(self, token: str | None) -> Caller:
        """Return who calls.

        Args:
            token: The bearer token; None if the request has none.

        Raises:
            NotAuthenticatedError: A token is needed and this one will not do.
        """
        if not self.is_guarded:
            return self.token_caller
        if token is None:
            raise NotAuthenticatedError
        if self.token is not None and hmac.compare_digest(token.encode(), self.token.encode()):
            return self.token_caller
        if self.jwt_key is None:
            raise NotAuthenticatedError
        return _caller_in(_claims(token, self.jwt_key))


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an `Authorization` header; None if there is none of the kind."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _claims(token: str, key: str) -> Mapping[str, Any]:
    algorithms = ["RS256", "ES256", "EdDSA"] if _is_public_key(key) else ["HS256"]
    try:
        return jwt.decode(token, key, algorithms=algorithms, options={"require": ["exp"], "verify_aud": False})
    except jwt.PyJWTError as error:
        raise NotAuthenticatedError from error


def _caller_in(claims: Mapping[str, Any]) -> Caller:
    """Return who claims say calls; `sub` names the user if `user_id` does not."""
    fields = {
        "role": claims.get("caller_role"),
        "user_id": claims.get("user_id", claims.get("sub")),
        "tenant_id": claims.get("tenant_id"),
        "session_id": claims.get("session_id"),
    }
    if any(value is not None and not isinstance(value, str) for value in fields.values()):
        raise NotAuthenticatedError
    return Caller(**fields)


def _is_public_key(key: str) -> bool:
    return key.lstrip().startswith("-----BEGIN")
