"""A worker that learns until it is killed: `python -m tests.state.redis.learning_worker URL PREFIX NAME CALLS`.

Each of its own calls is of a tool called after it, in batches; after every merge it tells how many it has told the others.
"""

import sys

from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.state.redis import RedisState

BATCH = 7


def main(url: str, prefix: str, name: str, calls: int) -> None:
    state = RedisState(url, prefix=prefix, connect_timeout_s=2, operation_timeout_s=5)
    store = SharedArms(state.ledger, in_background=False)
    selector = ToolSelector(state=store)
    for number in range(1, calls + 1):
        _, decision_id = selector.select_tool(["shared", name], available=[name])
        selector.record_feedback(decision_id, number % 3 > 0, 100 * number)
        if number % BATCH == 0:
            assert store.merge()
            print(number, flush=True)  # noqa: T201
    store.close()
    state.close()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
