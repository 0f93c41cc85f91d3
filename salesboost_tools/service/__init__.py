"""The toolkit over HTTP (extra `service`): health, metrics, statistics, live status, the executor, a page to look at.

```python
app = FastAPI()
app.include_router(health_router(toolkit))  # health in an application of one's own
app.mount("/tools-api", create_app(toolkit))  # everything
```
"""

from salesboost_tools.core.errors import MissingExtraError

try:
    import fastapi as _fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import jwt as _jwt  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    raise MissingExtraError("the HTTP service", "service") from error

from salesboost_tools.service.access import Access
from salesboost_tools.service.app import create_app
from salesboost_tools.service.routes.health import health_router

__all__ = ["Access", "create_app", "health_router"]
