"""The door to LangChain: `govern` puts handlers around any `BaseTool`."""

from salesboost_tools.governed.caller import config_of
from salesboost_tools.governed.tool import GovernedTool, govern

__all__ = ["GovernedTool", "config_of", "govern"]
