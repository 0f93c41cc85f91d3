"""Who calls, as a dependency of routes."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from salesboost_tools.core.call import Caller
from salesboost_tools.service.access import OPERATOR_ROLE, Access, NotAuthenticatedError, bearer_token

_shown = HTTPBearer(auto_error=False, description="`TOOL_API_TOKEN`, or a JWT signed with `TOOL_API_JWT_KEY`.")
"""For the OpenAPI document alone; the header itself is read below."""


class Callers:
    """Dependencies that say who calls.

    Args:
        access: Tells who calls from a token.
    """

    def __init__(self, access: Access) -> None:
        def anybody(
            request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_shown)] = None
        ) -> Caller:
            try:
                return access.caller_of(bearer_token(request.headers.get("authorization")))
            except NotAuthenticatedError:
                detail = "Send a valid token: `Authorization: Bearer ...`."
                raise HTTPException(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"}) from None

        def operator(caller: Annotated[Caller, Depends(anybody)]) -> Caller:
            if not is_operator(caller):
                raise HTTPException(HTTPStatus.FORBIDDEN, f"This is for callers with the role {OPERATOR_ROLE!r}.")
            return caller

        self.anybody: Callable[..., Any] = anybody
        """Whoever has a valid token."""
        self.operator: Callable[..., Any] = operator
        """Whoever may see what goes on in all tenants."""


def is_operator(caller: Caller) -> bool:
    """Return whether a caller may see what goes on in all tenants."""
    return caller.role == OPERATOR_ROLE
