"""One SQL database for all tools: SQLite or PostgreSQL, a sync and an async door, migrations."""

from salesboost_tools.tools.database.database import Database
from salesboost_tools.tools.database.migration import Schema

__all__ = ["Database", "Schema"]
