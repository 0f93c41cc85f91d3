"""The governed tools for clients of the Model Context Protocol (extra `mcp`)."""

from salesboost_tools.core.errors import MissingExtraError

try:
    import mcp as _mcp  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    raise MissingExtraError("serving tools over MCP", "mcp") from error

from salesboost_tools.mcp.server import build_server, serve_stdio

__all__ = ["build_server", "serve_stdio"]
