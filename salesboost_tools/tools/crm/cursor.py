"""Where a page ended, as text that a caller hands back unread."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm.commands import Find

Key = str | datetime
"""One part of a sort key."""

_FINGERPRINT_DIGITS = 12


def cursor_after(asked: Find, tenant_id: str, last: Sequence[Key]) -> str:
    """Return the cursor that continues `asked` behind the record whose sort key is `last`.

    Keyset paging: the next page starts behind a key, not at a number, so records that come and go in between shift
    nothing.
    """
    keys = [{"t": key.isoformat()} if isinstance(key, datetime) else key for key in last]
    text = json.dumps([_fingerprint(asked, tenant_id), *keys], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position(asked: Find, tenant_id: str) -> list[Key] | None:
    """Return the sort key behind which the asked page starts; None for the first page.

    Raises:
        ToolInputError: The cursor is damaged, or belongs to a query with other arguments.
    """
    if asked.cursor is None:
        return None
    try:
        padded = asked.cursor + "=" * (-len(asked.cursor) % 4)
        fingerprint, *keys = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        found = [_key(key) for key in keys]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _foreign() from None
    if fingerprint != _fingerprint(asked, tenant_id):
        raise _foreign()
    return found


def _key(stored: Any) -> Key:
    return stored if isinstance(stored, str) else datetime.fromisoformat(stored["t"])


def _foreign() -> Exception:
    return wrong_input(
        "This cursor does not belong to this query. Repeat the query with the arguments of the page before and its "
        "next_cursor, or leave the cursor out to start from the beginning."
    )


def _fingerprint(asked: Find, tenant_id: str) -> str:
    same = replace(asked, cursor=None, limit=1, filters=dict(sorted(asked.filters.items())))
    return hashlib.sha256(f"{tenant_id}\0{same!r}".encode()).hexdigest()[:_FINGERPRINT_DIGITS]
