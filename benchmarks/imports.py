"""What importing the package adds to importing LangChain's tools and LangGraph."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Figure, compare

PEER = "import langchain_core.tools, langgraph.graph"
NAMES = "govern, CacheHandler, RateLimitHandler, RetryHandler, TimeoutHandler, MetricsHandler, PermissionHandler"


def figures() -> Iterator[Figure]:
    def importing(code):
        def block(times):
            for _ in range(times):
                subprocess.run([sys.executable, "-c", code], check=True)

        return block

    for name, code, target in (
        ("import salesboost_tools", f"{PEER}, salesboost_tools", 1.15),
        ("from it: govern and six handlers", f"{PEER}; from salesboost_tools import {NAMES}", None),
        ("from it: SalesToolkit", f"{PEER}; from salesboost_tools import SalesToolkit", None),
    ):
        yield compare(
            name,
            "langchain_core.tools, langgraph.graph",
            importing(PEER),
            importing(code),
            times=1,
            target=target,
            wall=True,
        )
