"""The name of the write that is under way, for the tool that does it: a provider or a database may know it again."""

from contextvars import ContextVar

WRITE_KEY: ContextVar[tuple[str, str] | None] = ContextVar("write_key", default=None)
"""(Tool, idempotency key), set around a call that somebody sees to happen once. The tool's name tells it apart from
a write inside this one."""
