"""A graph in a process of its own that is killed between two calls: `python -m tests.nodes.crashing_graph FOLDER HOW`."""

import os
import signal
import sys
from pathlib import Path

from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.nodes.messages import asks, call, graph_of

WRITE = ToolSpec(effect=Effect.WRITE)
THREAD = {"configurable": {"thread_id": "t"}}


def main(folder: Path, how: str) -> None:
    @tool
    def notes(what: str) -> str:
        """Write a line."""
        with (folder / "written").open("a") as file:
            file.write(f"{what}\n")
        return f"noted {what}"

    @tool
    def dies(what: str) -> str:
        """End the process the first time, as a crash would."""
        if how == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        return "survived"

    node = ToolFanOut([govern(notes, spec=WRITE), govern(dies, spec=WRITE)])
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as checkpointer:
        graph = graph_of(node, checkpointer=checkpointer)
        asked = [call("notes", "c0", what="a"), call("notes", "c1", what="b"), call("dies", "c2", what="x")]
        asked.append(call("notes", "c3", what="c"))
        given = asks(*asked) if how == "crash" else None
        done = graph.invoke(given, THREAD, durability="sync")  # else the step's own checkpoint may be on its way yet
        sys.stdout.write("\n".join(message.content for message in done["messages"][1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
