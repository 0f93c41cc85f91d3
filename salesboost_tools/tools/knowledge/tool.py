"""The tool `knowledge_retriever`: what do our articles say about this?"""

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, create_model

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.knowledge.article import KbName
from salesboost_tools.tools.knowledge.filters import KnowledgeFilters
from salesboost_tools.tools.knowledge.search import Search

_WEAK_SCORE = 0.15
"""Below this the best passage is seldom an answer, in every kind of search: with the shipped articles, questions about
anything else stay below, and nine of ten questions that they answer lie above."""

_USUAL_SCORES = {"lexical": 0.47, "semantic": 0.29, "hybrid": 0.47}
"""What the best passage usually (in the median) scores where it answers, by kind of search: measured with the labelled
questions about the shipped articles. Kinds of search score differently; beside these they can be compared."""
_USUAL_SCORE = 0.5
"""Of a kind of search that nobody has measured."""

_BASES_SHOWN = 20

KNOWLEDGE_SPEC = ToolSpec(
    effect=Effect.READ,
    allowed_roles={"rag", "retriever", "session_director", "coach"},
    rate_limit="10/minute",
    timeout_s=5,
    cache_ttl_s=300,
    results_shared=True,
)


class KnowledgeQuestion(BaseModel):
    """Arguments of `knowledge_retriever`."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(
        min_length=1, max_length=500, description="What to find out, in a few words or as a question, in English."
    )
    top_k: int = Field(default=5, ge=1, le=20, description="How many passages at most.")
    kb: KbName | None = Field(
        default=None,
        description="Search this knowledge base only; leave out to search all. One that does not exist is answered "
        "with those that do.",
    )
    filters: KnowledgeFilters | None = Field(
        default=None, description="Search only documents of which all this is true; leave out to search all."
    )
    min_score: float = Field(
        default=0.0, ge=0.0, le=1.0, description="Leave out passages that score less; 0 keeps all that match."
    )


class KnowledgeRetriever(BaseTool):
    """Finds passages of the knowledge base that answer a question, each with what is needed to cite it.

    The result is a dict of JSON values: `query`, `answer_found`, `passages` (text, title, section, document, kb,
    version, updated, score) and `note`, which says what to do when nothing was found.

    Args:
        search: How passages are found. `KnowledgeRetriever.variant(search)` names the tool after it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "knowledge_retriever"
    description: str = (
        "Search the internal knowledge base: product guides, objection handling, security and data residency, pricing "
        "and discount rules, onboarding, migration and negotiation guides, case studies. Returns passages to quote, "
        "each with document id, section and version. Says so when it has no answer."
    )
    args_schema: ArgsSchema | None = KnowledgeQuestion

    spec: ToolSpec = KNOWLEDGE_SPEC
    _search: Search = PrivateAttr()

    def __init__(self, search: Search, **settings: Any) -> None:
        settings.setdefault("spec", _rated_spec(search.kind))
        super().__init__(**{"args_schema": _question_about(search), **settings})
        self._search = search

    @classmethod
    def variant(cls, search: Search, **settings: Any) -> "KnowledgeRetriever":
        """Return the tool named after its kind of search, for example `knowledge_retriever_lexical`."""
        return cls(search, name=f"knowledge_retriever_{search.kind}", **settings)

    def probe(self) -> Mapping[str, int]:
        """Read from the store and return how much it holds.

        Raises:
            UpstreamError: It cannot be read.
        """
        try:
            return self._search.probe()
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    def close(self) -> None:
        """Give back files and memory; a later call takes them again."""
        self._search.close()

    def _run(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> dict[str, Any]:
        try:
            passages = self._search.search(query, top_k, kb, min_score, filters)
            note = "" if passages else _no_answer(self._search, kb, min_score, filters)
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        if passages and max(passage.score for passage in passages) < _WEAK_SCORE:
            note = (
                f"The best score is only {passages[0].score:.2f}, so these passages may not answer the question. "
                f"A score is {self._search.score_meaning}."
            )
        return {
            "query": query,
            "answer_found": bool(passages),
            "passages": [passage.as_dict() for passage in passages],
            "note": note,
        }

    async def _arun(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> dict[str, Any]:
        # A thread, although a question takes about 1 ms and the hop 0.1: fifty at once would hold up the loop, and a
        # file that another process is just writing, or a space to be learnt, could hold it up for seconds.
        return await asyncio.to_thread(self._run, query, top_k, kb, min_score, filters)


@cache
def _rated_spec(kind: str) -> ToolSpec:
    return replace(KNOWLEDGE_SPEC, quality=partial(answer_quality, kind=kind))


def answer_quality(result: Mapping[str, Any], kind: str) -> float:
    """Return how good an answer is by its best passage: 0 for none, 0.5 for a usual one, towards 1 for a better one.

    Args:
        result: Of `KnowledgeRetriever`.
        kind: Of the search that found it.
    """
    best = max((passage["score"] for passage in result["passages"]), default=0.0)
    return best / (best + _USUAL_SCORES.get(kind, _USUAL_SCORE))


def _question_about(search: Search) -> type[KnowledgeQuestion]:
    """Return the arguments, with the knowledge bases there are named for the model."""
    try:
        names = list(search.knowledge_bases())[:_BASES_SHOWN]
    except sqlite3.Error:  # the tool can be made; a call will say what is wrong
        names = []
    if not names:
        return KnowledgeQuestion
    kb = KnowledgeQuestion.model_fields["kb"]
    described = Field(default=None, description=f"{kb.description} There are: {', '.join(names)}.")
    return create_model(
        "KnowledgeQuestion",
        __base__=KnowledgeQuestion,
        __doc__=KnowledgeQuestion.__doc__,
        kb=(KbName | None, described),
    )


def _no_answer(search: Search, kb: str | None, min_score: float, filters: KnowledgeFilters | None) -> str:
    sizes = search.knowledge_bases()
    if not sizes:
        return "No answer: the knowledge base is empty. Answer without it, and say that no source was found."
    unknown = [_unknown(search, name, value) for name, value in (filters.given() if filters else [])]
    reasons = [f"There is no knowledge base {kb!r}."] if kb and kb not in sizes else []
    reasons += [reason for reason in unknown if reason]
    hints = ["use other words"]
    if kb:
        hints.append("search without `kb`")
    if filters is not None and filters.given():
        hints.append("search without `filters`")
    if min_score > 0:
        hints.append("lower `min_score`")
    shown = list(sizes.items())[:_BASES_SHOWN]
    more = f", and {len(sizes) - len(shown)} more" if len(sizes) > len(shown) else ""
    held = ", ".join(name if count is None else f"{name} ({count})" for name, count in shown)
    return " ".join(
        [
            f"No answer{f' in {kb!r}' if kb else ''}.",
            *reasons,
            f"Knowledge bases, with their number of documents: {held}{more}.",
            f"You may {' or '.join(hints)}; otherwise say that no source was found.",
        ]
    )


def _unknown(search: Search, name: str, value: str) -> str:
    """Return a sentence if no document can have the value asked for; empty if some have it, or nobody knows."""
    known = search.known_values(name)
    if name == "updated_since":
        return f"The last change was on {known[0]}." if known and known[0] < value else ""
    if value.casefold() in {each.casefold() for each in known}:
        return ""
    return f"For {name!r} documents have, for example: {', '.join(map(repr, known))}." if known else ""


def _unreadable(error: sqlite3.Error) -> UpstreamError:
    busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
    return UpstreamError(
        f"the knowledge index cannot be read: {error}",
        retryable=busy,
        for_model="The knowledge base cannot be read now. Answer without it, and say that no source was checked.",
    )
