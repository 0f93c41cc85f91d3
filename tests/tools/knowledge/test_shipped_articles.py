"""The shipped articles are well-formed, consistent with each other, and found by the questions people ask."""

import os
import re
from datetime import date
from pathlib import Path

import pytest

from benchmarks.retrieval import CRANFIELD, measure, ndcg_at_10, read_collection, shipped_questions
from salesboost_tools.tools.knowledge import (
    HybridSearch,
    KnowledgeIndex,
    LexicalSearch,
    SemanticSearch,
    shipped_articles,
)
from salesboost_tools.tools.knowledge.article import parse_article
from salesboost_tools.tools.knowledge.files import article_files

ARTICLES = [parse_article(file) for file in article_files(shipped_articles())]
IDS = {article.head.id for article in ARTICLES}
KNOWLEDGE_BASES = {"product", "objections", "security", "pricing", "process", "case_studies"}
AS_OF = date(2026, 6, 30)


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.head.id)
def test_an_article_is_complete_and_of_reasonable_length(article):
    head = article.head
    assert re.fullmatch(r"KB-\d{4}", head.id)
    assert article.path.startswith(head.id.lower() + "-")
    assert set(head.product_lines) <= {"pipeline", "engage", "insight"}
    assert head.product_lines
    assert head.tags
    assert head.updated <= AS_OF
    assert 2 <= len(article.passages) <= 7
    assert all(passage.heading for passage in article.passages)
    assert 150 <= sum(len(passage.text.split()) for passage in article.passages) <= 400


def test_every_knowledge_base_holds_several_articles():
    counts = {kb: sum(article.head.kb == kb for article in ARTICLES) for kb in KNOWLEDGE_BASES}
    assert min(counts.values()) >= 5


def test_ids_are_consecutive():
    assert sorted(IDS) == [f"KB-{number:04d}" for number in range(1, len(ARTICLES) + 1)]


def test_no_two_sections_are_the_same():
    texts = [passage.text for article in ARTICLES for passage in article.passages]
    assert len(set(texts)) == len(texts)


def test_labelled_questions_name_articles_that_exist():
    questions = shipped_questions()
    assert len(questions) >= 40
    assert {document for question in questions for document in question.grades} <= IDS


@pytest.mark.parametrize(("kind", "ndcg", "first"), [(LexicalSearch, 0.85, 0.90), (SemanticSearch, 0.83, 0.85)])
def test_labelled_questions_are_answered(shipped, kind, ndcg, first):
    reached = measure(kind(shipped), shipped_questions())
    assert reached.ndcg_at_10 >= ndcg
    assert reached.first_right >= first


@pytest.mark.parametrize("kind", [LexicalSearch, SemanticSearch])
def test_questions_about_something_else_score_low(shipped, kind):
    strangers = [question.text for question in shipped_questions() if not question.grades]
    assert strangers
    for text in strangers:
        assert all(passage.score < 0.15 for passage in kind(shipped).search(text))


def test_ndcg_is_1_for_a_perfect_ranking_and_falls_with_rank():
    assert ndcg_at_10(["a", "b", "x"], {"a": 1, "b": 1}) == 1
    assert ndcg_at_10(["x", "a"], {"a": 1}) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg_at_10([], {"a": 1}) == 0


@pytest.mark.timeout(300)  # learning the space of 1,400 abstracts takes seconds, on a busy machine a minute
@pytest.mark.skipif(CRANFIELD not in os.environ, reason=f"{CRANFIELD} names no folder with the Cranfield collection")
def test_a_public_collection_is_searched_as_well_as_promised(tmp_path):
    files, questions = read_collection(Path(os.environ[CRANFIELD]))
    index = KnowledgeIndex.create(tmp_path / "cranfield.sqlite", map(parse_article, files))
    assert measure(LexicalSearch(index), questions).ndcg_at_10 >= 0.385
    assert measure(SemanticSearch(index), questions).ndcg_at_10 >= 0.40
    assert measure(HybridSearch([LexicalSearch(index), SemanticSearch(index)]), questions).ndcg_at_10 >= 0.415
    index.close()
