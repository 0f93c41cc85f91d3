"""`knowledge_retriever` answers with passages to cite, or says plainly that it has no answer and what it does have."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.knowledge import KnowledgeFilters, KnowledgeRetriever, LexicalSearch, Passage

KNOWLEDGE_BASES = {"product", "objections", "security", "pricing", "process", "case_studies"}


class FixedSearch:
    """Always finds the same passages, and notes in which thread."""

    kind = "fixed"
    score_meaning = "a number"

    def __init__(self, *scores, sizes=None, error=None):
        self.passages = [Passage("text", "Title", "Section", "D-1", "product", "1", None, score) for score in scores]
        self.sizes, self.error, self.threads = sizes or {}, error, []

    def search(self, query, top_k=5, kb=None, min_score=0.0, filters=None):
        self.threads.append(threading.current_thread())
        if self.error:
            raise self.error
        return self.passages[:top_k]

    def knowledge_bases(self):
        return self.sizes

    def known_values(self, name):
        return ()

    def probe(self):
        if self.error:
            raise self.error
        return {"documents": 1}

    def close(self):
        self.closed = True


@pytest.fixture
def tool(search):
    return KnowledgeRetriever(search)


def test_an_answer_is_plain_json_with_all_it_takes_to_cite(tool):
    answer = tool.invoke({"query": "maximum price increase at renewal", "top_k": 3})
    assert answer == json.loads(json.dumps(answer))
    assert list(answer) == ["query", "answer_found", "passages", "note"]
    assert answer["query"] == "maximum price increase at renewal"
    assert answer["answer_found"] is True
    assert answer["note"] == ""
    assert list(answer["passages"][0]) == [
        "text",
        "title",
        "section",
        "document",
        "kb",
        "version",
        "updated",
        "score",
    ]
    assert answer["passages"][0]["document"] == "KB-0036"
    assert all(0 <= passage["score"] <= 1 for passage in answer["passages"])


@pytest.mark.parametrize(("scores", "quality"), [((), 0.0), ((0.5, 0.2), 0.5), ((1.0,), 2 / 3)])
def test_an_answer_is_as_good_as_its_best_passage_for_that_kind_of_search(scores, quality):
    tool = KnowledgeRetriever(FixedSearch(*scores))
    assert tool.spec.quality(tool.invoke({"query": "x"})) == pytest.approx(quality)


def test_a_question_that_has_an_answer_is_answered_better_than_one_that_has_none(tool):
    answered, not_answered = (
        tool.spec.quality(tool.invoke({"query": query}))
        for query in ("maximum price increase at renewal", "recipe for sourdough bread with rye")
    )
    assert not_answered < 0.2
    assert 0.3 < answered < 1


async def test_sync_and_async_answers_are_equal(tool):
    for question in ["price per seat", "where is our data", "rye bread", ""]:
        arguments = (question, 4, None, 0.1, KnowledgeFilters(product_line="pipeline"))
        assert await tool._arun(*arguments) == tool._run(*arguments)
    assert await tool.ainvoke({"query": "price"}) == tool.invoke({"query": "price"})


async def test_an_async_question_leaves_the_loop_free():
    search = FixedSearch(0.9)
    await KnowledgeRetriever(search).ainvoke({"query": "x"})
    assert search.threads[0] is not threading.current_thread()


async def test_fifty_questions_at_once_are_all_answered(tool):
    question = "our price per seat is too high"
    answers = await asyncio.gather(*(tool.ainvoke({"query": question + "!" * number}) for number in range(50)))
    assert all(answer["passages"][0]["document"] == "KB-0017" for answer in answers)


def test_no_answer_says_so_and_which_knowledge_bases_there_are(tool):
    answer = tool.invoke({"query": "sourdough xylophone quagga"})
    assert answer["answer_found"] is False
    assert answer["passages"] == []
    assert answer["note"].startswith("No answer.")
    assert all(f"{kb} (" in answer["note"] for kb in KNOWLEDGE_BASES)


def test_no_answer_tells_what_could_be_loosened(tool):
    note = tool.invoke({"query": "quagga", "kb": "pricing", "min_score": 0.9})["note"]
    assert "in 'pricing'" in note
    assert "without `kb`" in note
    assert "lower `min_score`" in note


def test_an_empty_knowledge_base_says_that_it_is_empty():
    assert "is empty" in KnowledgeRetriever(FixedSearch()).invoke({"query": "x"})["note"]


def test_an_unknown_knowledge_base_is_answered_with_those_there_are(tool):
    answer = tool.invoke({"query": "price", "kb": "gossip"})
    assert answer["answer_found"] is False
    assert "There is no knowledge base 'gossip'." in answer["note"]
    assert "pricing (" in answer["note"]


def test_many_knowledge_bases_do_not_flood_the_note():
    note = KnowledgeRetriever(FixedSearch(sizes={f"kb{number:02}": 1 for number in range(30)})).invoke({"query": "x"})
    assert "kb19 (1), and 10 more" in note["note"]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"product_line": "rockets"}, "For 'product_line' documents have, for example: 'pipeline'"),
        ({"tag": "nonsense"}, "For 'tag' documents have, for example: "),
        ({"document": "KB-9999"}, "For 'document' documents have, for example: 'KB-0001'"),
        ({"updated_since": "2031-01-01"}, "The last change was on 2026-"),
    ],
)
def test_a_filter_that_nothing_meets_is_answered_with_what_there_is(tool, filters, said):
    answer = tool.invoke({"query": "price per seat", "filters": filters})
    assert answer["answer_found"] is False
    assert said in answer["note"]
    assert "search without `filters`" in answer["note"]


def test_filters_choose_the_documents_that_may_answer(tool):
    question = {"query": "price and discount", "top_k": 20}
    engage = tool.invoke({**question, "filters": {"product_line": "ENGAGE", "updated_since": "2026-03-01"}})["passages"]
    everything = tool.invoke(question)["passages"]
    assert engage
    assert all(passage["updated"] >= "2026-03-01" for passage in engage)
    assert {passage["document"] for passage in engage} < {passage["document"] for passage in everything} | {
        passage["document"] for passage in engage
    }
    only = tool.invoke({**question, "filters": {"document": "kb-0035"}})["passages"]
    assert {passage["document"] for passage in only} == {"KB-0035"}


def test_a_weak_answer_says_what_its_score_means():
    answer = KnowledgeRetriever(FixedSearch(0.05)).invoke({"query": "x"})
    assert answer["answer_found"] is True
    assert answer["note"] == (
        "The best score is only 0.05, so these passages may not answer the question. A score is a number."
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": ""},
        {"query": "x" * 501},
        {"query": "x", "top_k": 0},
        {"query": "x", "top_k": 21},
        {"query": "x", "kb": "../../etc/passwd"},
        {"query": "x", "kb": "Pricing"},
        {"query": "x", "kb": "a\n"},
        {"query": "x", "kb": "a" * 65},
        {"query": "x", "filters": {"colour": "red"}},
        {"query": "x", "filters": {"metadata": {str(number): "x" for number in range(6)}}},
        {"query": "x", "min_score": 1.1},
        {"query": "x", "min_score": float("nan")},
        {"query": "x", "tenant_id": "other"},
        {},
    ],
    ids=str,
)
def test_arguments_out_of_bounds_are_refused(tool, wrong):
    with pytest.raises(ValidationError):
        tool.invoke(wrong)


def test_the_model_sees_described_and_bounded_arguments(tool):
    function = convert_to_openai_tool(tool)["function"]
    properties = function["parameters"]["properties"]
    assert set(properties) == {"query", "top_k", "kb", "min_score", "filters"}
    assert all(field["description"] for field in properties.values())
    assert (properties["top_k"]["minimum"], properties["top_k"]["maximum"]) == (1, 20)
    assert all(name in properties["kb"]["description"] for name in KNOWLEDGE_BASES)


def test_a_variant_is_named_after_its_search(search):
    assert KnowledgeRetriever.variant(search).name == f"knowledge_retriever_{search.kind}"
    assert KnowledgeRetriever(search).name == "knowledge_retriever"


def test_what_handlers_may_know_about_it(tool):
    spec = tool.spec
    assert spec.effect is Effect.READ
    assert spec.allowed_roles == {"rag", "retriever", "session_director", "coach"}
    assert (str(spec.rate_limit), spec.timeout_s, spec.cache_ttl_s, spec.results_shared) == ("10/minute", 5, 300, True)


def test_a_probe_touches_the_store(index):
    tool = KnowledgeRetriever(LexicalSearch(index))
    assert tool.probe() == {"documents": 0, "passages": 0}
    tool.close()
    index.path.unlink()
    with pytest.raises(UpstreamError, match="cannot be read"):
        tool.probe()


def test_a_store_that_is_gone_is_an_upstream_error_with_advice_for_the_model(index):
    tool = KnowledgeRetriever(LexicalSearch(index))
    tool.close()
    index.path.unlink()
    with pytest.raises(UpstreamError) as caught:
        tool.invoke({"query": "x"})
    assert "Answer without it" in caught.value.for_model
    assert str(index.path) not in caught.value.for_model


@pytest.mark.parametrize(("message", "retryable"), [("database is locked", True), ("disk I/O error", False)])
def test_only_a_locked_store_is_worth_another_try(message, retryable):
    tool = KnowledgeRetriever(FixedSearch(error=sqlite3.OperationalError(message)))
    with pytest.raises(UpstreamError) as caught:
        tool.invoke({"query": "x"})
    assert caught.value.retryable is retryable


def test_closing_the_tool_closes_its_search():
    search = FixedSearch()
    KnowledgeRetriever(search).close()
    assert search.closed


def test_two_tools_may_share_an_index_and_be_closed_one_by_one(shipped):
    one, other = KnowledgeRetriever(LexicalSearch(shipped)), KnowledgeRetriever(LexicalSearch(shipped))
    one.close()
    assert other.invoke({"query": "price"})["answer_found"]
    other.close()


def test_importing_the_tool_does_not_import_numpy():
    program = "import sys, salesboost_tools.tools.knowledge; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
