"""One of several processes that share a limit, or do not: calls a tool as fast as it may, and says when it did."""

import json
import sys
import time

from langchain_core.tools import tool

from salesboost_tools import Effect, MemoryState, RateLimitError, RateLimitHandler, RedisState, ToolSpec, govern


@tool
def exchange_rate(currency: str) -> str:
    """Return what one euro is worth in a currency."""
    return {"USD": "1.09", "JPY": "169.2"}[currency]


def admitted(limit: str, seconds: float, redis_url: str | None) -> list[float]:
    """Return when calls were let through, in seconds since the first was tried."""
    state = RedisState(redis_url) if redis_url else MemoryState()
    governed = govern(exchange_rate, RateLimitHandler(state), spec=ToolSpec(effect=Effect.READ, rate_limit=limit))
    began_s, admitted_at_s = time.perf_counter(), []
    while (now_s := time.perf_counter() - began_s) < seconds:
        try:
            governed.invoke({"currency": "USD"})
            admitted_at_s.append(now_s)
        except RateLimitError as refusal:
            time.sleep(min(refusal.retry_after, 0.2))
    return admitted_at_s


admitted("1/second", 0.01, None)  # the first call of a process sets things up
print("ready", flush=True)
for line in sys.stdin:  # one line is one job: the arguments, as JSON
    print(json.dumps(admitted(*json.loads(line))), flush=True)
