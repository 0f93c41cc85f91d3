"""The command line: `salesboost`."""

from salesboost_tools.cli.main import main

__all__ = ["main"]
