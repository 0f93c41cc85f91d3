"""One of several processes that share a limit, or do not: calls a tool as fast as it may, and says when it did."""

import argparse
import json
import sys
import time

from langchain_core.tools import tool

from salesboost_tools import Effect, MemoryState, RateLimitError, RateLimitHandler, RedisState, ToolSpec, govern


@tool
def exchange_rate(currency: str) -> str:
    """Return what one euro is worth in a currency."""
    return {"USD": "1.09", "JPY": "169.2"}[currency]


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--redis")
parser.add_argument("--limit", default="20/second")
parser.add_argument("--seconds", type=float, default=3.0)
given = parser.parse_args()

state = RedisState(given.redis) if given.redis else MemoryState()
governed = govern(exchange_rate, RateLimitHandler(state), spec=ToolSpec(effect=Effect.READ, rate_limit=given.limit))
govern(exchange_rate, RateLimitHandler()).invoke({"currency": "USD"})  # the first call of a process sets things up

print("ready", flush=True)
sys.stdin.readline()
began_s, admitted_at_s = time.perf_counter(), []
while (now_s := time.perf_counter() - began_s) < given.seconds:
    try:
        governed.invoke({"currency": "USD"})
        admitted_at_s.append(now_s)
    except RateLimitError as refusal:
        time.sleep(min(refusal.retry_after, 0.2))
print(json.dumps(admitted_at_s))
