"""A graph whose knowledge tool is any of three searches, one of which breaks: `python -m benchmarks.selection_outage`.

The searches, the articles and the labelled questions are real, and so are the graph, the fan-out and the selector; time
is simulated, a question a second. The selector learns from success and from how good each answer says it is. When it
has a favourite, that one breaks for a while. Told is which search was asked first, how often it was the broken one, and
how many questions got a right document first. `--plot FILE` draws it (extra `plots`).
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

from benchmarks.retrieval import Question, shipped_questions
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.governed import govern
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.decision_log import LoggedDecision
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.tools.knowledge import (
    HybridSearch,
    KnowledgeRetriever,
    LexicalSearch,
    Search,
    SemanticSearch,
    open_knowledge,
)

GROUP = "knowledge_retriever"
VARIANTS = tuple(f"{GROUP}_{kind}" for kind in ("lexical", "semantic", "hybrid"))
WEIGHTS = RewardWeights(latency=0.0, quality=0.5)
"""Latency is left out: all three take milliseconds, and the run shall not depend on how busy the machine is."""


class BreakableSearch:
    """A search that can be out of order: then every question ends as it would with a damaged index."""

    def __init__(self, search: Search):
        self._search = search
        self.is_broken = False
        self.kind, self.score_meaning = search.kind, search.score_meaning

    def search(self, *question: Any, **options: Any) -> list[Any]:
        """Search, unless it is broken."""
        if self.is_broken:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return self._search.search(*question, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._search, name)


class Asked(NamedTuple):
    """One question, and what came of it."""

    first: str
    """The variant that was asked first."""
    failed_first: bool
    answered: bool
    is_right: bool | None
    """Whether the first document is one of those that answer it; None if none does."""


@dataclass(frozen=True)
class Run:
    """What happened."""

    asked: Sequence[Asked]
    broken: str
    """The variant that broke."""
    outage: tuple[int, int]
    """From which question to which."""

    def share(self, variant: str, start: int, end: int) -> float:
        """Return how often a variant was asked first, between two questions."""
        return sum(each.first == variant for each in self.asked[start:end]) / (end - start)

    def right(self, start: int, end: int) -> float:
        """Return how many of the questions that have an answer got a right document first."""
        known = [each.is_right for each in self.asked[start:end] if each.is_right is not None]
        return sum(known) / len(known)


class _Decisions:
    """Keeps the decisions of the question being asked."""

    def __init__(self) -> None:
        self.records: list[LoggedDecision] = []

    def write(self, record: LoggedDecision) -> None:
        self.records.append(record)


async def run(questions: int, outage: tuple[int, int], *, seed: int, folder: Path) -> Run:
    """Ask so many questions, and break the favourite between two of them."""
    index = open_knowledge(folder)
    lexical, semantic = LexicalSearch(index), SemanticSearch(index)
    searches = [BreakableSearch(each) for each in (lexical, semantic, HybridSearch([lexical, semantic]))]
    variants = [govern(KnowledgeRetriever.variant(search)) for search in searches]
    now, log, luck = [0.0], _Decisions(), Random(f"questions {seed}")
    selector = ToolSelector(seed=seed, clock=lambda: now[0], weights=WEIGHTS, log=log)
    node = ToolFanOut([], groups=[ToolGroup(GROUP, variants)], selector=selector)
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    app = graph.compile()
    labelled, asked, broken = shipped_questions(), [], searches[0]
    for number in range(questions):
        if number == outage[0]:
            favourite, _ = Counter(each.first for each in asked[-100:]).most_common(1)[0]
            broken = next(search for search in searches if favourite.endswith(search.kind))
            broken.is_broken = True
        if number == outage[1]:
            broken.is_broken = False
        now[0] += 1.0
        log.records.clear()
        asked.append(_told(await _answer(app, question := luck.choice(labelled), number), question, log.records))
    for search in (lexical, semantic):
        search.close()
    return Run(asked, f"{GROUP}_{broken.kind}", outage)


async def _answer(app: Any, question: Question, number: int) -> Any:
    args: dict[str, Any] = {"query": question.text} | ({"kb": question.kb} if question.kb else {})
    call = {"name": GROUP, "args": args, "id": f"call-{number}", "type": "tool_call"}
    caller = {"configurable": {"caller_role": "coach"}}
    state = await app.ainvoke({"messages": [AIMessage("", tool_calls=[call])]}, caller)
    return state["messages"][-1]


def _told(message: Any, question: Question, tries: Sequence[LoggedDecision]) -> Asked:
    answered = message.status == "success"
    passages: Sequence[Mapping[str, Any]] = json.loads(message.content)["passages"] if answered else []
    right = bool(passages) and passages[0]["document"] in question.grades if question.grades else None
    return Asked(tries[0].chosen, not tries[0].success, answered, right)


def draw(told: Run, path: Path, stretch: int = 50) -> None:
    """Draw the share of first choices per variant, and right answers, in stretches of questions."""
    from matplotlib.figure import Figure  # an extra

    figure = Figure(figsize=(10, 7), layout="constrained")
    shares, right = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    starts = range(0, len(told.asked) - stretch + 1, stretch)
    middles = [start + stretch / 2 for start in starts]
    for name, colour, line in zip(VARIANTS, ("#0072B2", "#E69F00", "#009E73"), ("-", "--", "-."), strict=True):
        label = name.removeprefix(f"{GROUP}_") + (" (breaks)" if name == told.broken else "")
        values = [told.share(name, start, start + stretch) for start in starts]
        shares.plot(middles, values, label=label, color=colour, linestyle=line, linewidth=2)
    right.plot(middles, [told.right(start, start + stretch) for start in starts], color="black")
    for axes in (shares, right):
        axes.axvspan(*told.outage, color="#D55E00", alpha=0.15, label="out of order")
        axes.set(ylim=(-0.03, 1.03), xlim=(0, len(told.asked)))
        axes.grid(alpha=0.3)
    shares.set(title="Which of three equal searches is asked first", ylabel=f"share, by {stretch} questions")
    figure.legend(*shares.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    right.set(title="Questions whose first document answers them", ylabel="share", xlabel="questions, one a second")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    third = options.questions // 3
    outage = (third, 2 * third)
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(run(options.questions, outage, seed=options.seed, folder=Path(folder)))
    unanswered = sum(not each.answered for each in told.asked)
    print(f"{options.questions} questions, {unanswered} unanswered; {told.broken} breaks at {outage[0]}")
    for name, start, end in (
        ("before", 0, outage[0]),
        ("out of order, first 50", outage[0], outage[0] + 50),
        ("out of order, then", outage[0] + 50, outage[1]),
        ("back, first 100", outage[1], outage[1] + 100),
        ("back, then", outage[1] + 100, options.questions),
    ):
        failed = sum(each.failed_first for each in told.asked[start:end])
        shares = ", ".join(
            f"{variant.removeprefix(f'{GROUP}_')} {told.share(variant, start, end):.1%}" for variant in VARIANTS
        )
        print(f"  {name:24s} {shares}; {failed} first tries failed; {told.right(start, end):.1%} right first")
    if options.plot is not None:
        draw(told, options.plot)


if __name__ == "__main__":
    main()
