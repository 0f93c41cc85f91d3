"""The account brief: `graph` is served by langgraph.json, `python -m graphs.account_brief` runs the demo.

The demo opens stores of its own in a temporary folder, so it ends before those of `graph` are opened.
"""

import sys

from salesboost_tools.brief import build_account_brief
from salesboost_tools.brief.demo import main
from salesboost_tools.toolkit import SalesToolkit

if __name__ == "__main__":
    sys.exit(main())

graph = build_account_brief(SalesToolkit())
