"""Words are found in any form, rare ones and those in heads count more, and no question is an error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salesboost_tools.tools.knowledge import LexicalSearch
from salesboost_tools.tools.knowledge.lexical import inverse_frequency
from salesboost_tools.tools.knowledge.search import MOST_PER_DOCUMENT

HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    '"',
    '""""',
    "'; DROP TABLE document; --",
    "price AND (",
    "NOT price",
    "NEAR(price seat, 2)",
    "title:price",
    "{title body}: price",
    "pri*",
    "^price",
    "price -seat +x",
    "\ud800",
    "👍🏽 🇩🇪",
    "ﷺ ǅ İ ß ﬁ",
    "価格はいくらですか",
    "e\u0301" * 200,
    "a " * 250,
    "ab" * 250,
    " ".join(f"w{number}" for number in range(120)),
    "the and of",
    "?" * 500,
]


@pytest.fixture
def lexical(index, library):
    def over(**articles):
        for name, body in articles.items():
            library.write(name, **body) if isinstance(body, dict) else library.write(name, f"## About\n\n{body}")
        index.ingest(library.folder)
        return LexicalSearch(index)

    return over


def documents(passages):
    return [passage.document for passage in passages]


def test_a_word_is_found_in_another_form(lexical):
    search = lexical(a="Rehearse the migration twice.", b="Nothing here.", c="Neither here.")
    assert documents(search.search("who rehearsed migrations?")) == ["a"]


def test_a_word_in_the_title_counts_more_than_one_in_the_text(lexical):
    search = lexical(
        a={"body": "## Text\n\nAbout sandboxes and so on.", "title": "Other"},
        b={"body": "## Text\n\nAbout this and so on.", "title": "Sandboxes"},
        c="Nothing",
        d="Nothing",
        e="Nothing",
    )
    assert documents(search.search("sandbox")) == ["b", "a"]


def test_tags_are_found(lexical):
    search = lexical(a={"tags": "[byok, keys]"}, b="Nothing", c="Nothing")
    assert documents(search.search("byok")) == ["a"]


def test_a_rare_word_counts_more_than_a_common_one(lexical):
    search = lexical(a="common rare", b="common plain", c="common plain", d="plain other", e="other words", f="none")
    assert documents(search.search("common rare"))[0] == "a"
    assert documents(search.search("common plain rare"))[0] == "a"


def test_a_knowledge_base_can_be_searched_alone(lexical):
    search = lexical(
        a={"body": "price", "kb": "pricing"}, b={"body": "price", "kb": "objections"}, c={"body": "none"}, d="none"
    )
    assert documents(search.search("price", kb="objections")) == ["b"]
    assert search.search("price", kb="security") == []


def test_no_document_fills_the_answer_alone(lexical):
    filler = "and so on with other words " * 30
    long = "".join(f"## Price {number}\n\nprice price price {filler}\n\n" for number in range(9))
    search = lexical(long={"body": long}, short="price among several other words in one long sentence", other="none")
    answer = documents(search.search("price", 10))
    assert answer.count("long") == MOST_PER_DOCUMENT
    assert "short" in answer


def test_top_k_is_the_most_that_comes_back(lexical):
    search = lexical(
        **{f"a{number}": "price" for number in range(10)}, **{f"n{number}": "none" for number in range(20)}
    )
    assert len(search.search("price", 3)) == 3
    assert len(search.search("price", 20)) == 10


def test_scores_fall_and_lie_between_0_and_1(shipped):
    search = LexicalSearch(shipped)
    scores = [passage.score for passage in search.search("price per seat discount migration security", 20)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_min_score_leaves_out_what_scores_less(shipped):
    search = LexicalSearch(shipped)
    every = search.search("price per seat", 20)
    bound = every[5].score
    assert search.search("price per seat", 20, min_score=bound) == [
        passage for passage in every if passage.score >= bound
    ]
    assert search.search("price per seat", min_score=1.0) == []


def test_words_nobody_wrote_lower_the_score(shipped):
    search = LexicalSearch(shipped)
    known = search.search("penetration test")[0].score
    assert search.search("penetration test xylophone quagga")[0].score < 0.7 * known


def test_words_that_are_everywhere_score_nothing(shipped):
    assert all(passage.score < 0.001 for passage in LexicalSearch(shipped).search("the and of"))


def test_in_a_large_collection_words_that_are_everywhere_are_not_even_looked_for(lexical, monkeypatch):
    articles = {f"a{number}": "everywhere" for number in range(6)} | {"b": "everywhere rare", "c": "nothing"}
    monkeypatch.setattr("salesboost_tools.tools.knowledge.lexical._MANY", 5)
    search = lexical(**articles)
    assert documents(search.search("rare everywhere", 20)) == ["b"]
    assert len(search.search("everywhere", 20)) == 7
    assert len(search.search("everywhere unknown", 20)) == 7


def test_in_a_small_collection_every_word_is_looked_for(lexical):
    search = lexical(a="everywhere", b="everywhere rare", c="everywhere")
    assert sorted(documents(search.search("rare everywhere unknown"))) == ["a", "b", "c"]


def test_a_question_without_letters_finds_nothing(shipped):
    assert LexicalSearch(shipped).search("?!… — 👍") == []


def test_a_passage_says_where_it_comes_from(shipped):
    best = LexicalSearch(shipped).search("maximum price increase at renewal", 1)[0]
    assert (best.document, best.title, best.section, best.kb, best.version, best.updated) == (
        "KB-0036",
        "Multi-year terms, ramps and price protection",
        "Price protection / Swaps",
        "pricing",
        "2.2",
        "2026-05-12",
    )
    assert "seven per cent" in best.text


def test_an_empty_index_has_no_answer(index):
    assert LexicalSearch(index).search("price") == []


def test_one_article_alone_can_be_found(lexical):
    assert documents(lexical(only="A single page about seats.").search("seats")) == ["only"]


@pytest.mark.parametrize("question", HOSTILE)
def test_a_hostile_question_is_only_a_question(search, question):
    for kb in (None, "pricing"):
        assert len(search.search(question, 5, kb)) <= 5


@given(question=st.text(max_size=500), top_k=st.integers(1, 20), min_score=st.floats(0, 1))
@example(question='"' * 500, top_k=1, min_score=0.0)
def test_any_text_is_a_question(search, question, top_k, min_score):
    passages = search.search(question, top_k, None, min_score)
    assert len(passages) <= top_k
    assert all(min_score <= passage.score <= 1 for passage in passages)


@given(
    question=st.lists(
        st.sampled_from(["price", "AND", "OR", "NOT", "NEAR", "(", ")", '"', "*", "^", ":", "-", "+", ","])
    )
)
def test_no_arrangement_of_operators_is_an_error(search, question):
    search.search(" ".join(question))


def test_the_weight_of_a_word_falls_with_its_spread_and_is_never_negative():
    weights = [inverse_frequency(100, holding) for holding in range(101)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0
