"""Two rankings become one by ranks alone; scores stay those of the searches."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.tools.knowledge import HybridSearch, LexicalSearch, Passage, SemanticSearch
from salesboost_tools.tools.knowledge.hybrid import RANK_OFFSET, fused
from salesboost_tools.tools.knowledge.search import MOST_PER_DOCUMENT


def passage(document, score=0.5, section="S"):
    return Passage(f"text of {section}", "Title", section, document, "product", "1", None, score)


def ranking(documents):
    return [passage(document) for document in documents]


def order(passages):
    return [each.document for each in passages]


class Ranked:
    """Finds the same passages whatever is asked."""

    kind, score_meaning = "ranked", "a number"

    def __init__(self, *passages):
        self.passages, self.closed = passages, False

    def search(self, query, top_k=5, kb=None, min_score=0.0, filters=None):
        return list(self.passages)[:top_k]

    def knowledge_bases(self):
        return {"product": len(self.passages)}

    def known_values(self, name):
        return [name]

    def probe(self):
        return {"documents": len(self.passages)}

    def close(self):
        self.closed = True


def test_what_both_find_comes_before_what_one_finds_first():
    assert order(fused([ranking("abc"), ranking("xby")])) == ["b", "a", "x", "c", "y"]


def test_one_ranking_alone_keeps_its_order():
    assert order(fused([ranking("cab"), []])) == ["c", "a", "b"]


def test_scores_play_no_part_in_the_order_and_the_best_one_is_shown():
    found = fused([[passage("a", 0.1), passage("b", 0.9)], [passage("a", 0.2), passage("b", 0.3)]])
    assert [(each.document, each.score) for each in found] == [("a", 0.2), ("b", 0.9)]


documents = st.lists(st.sampled_from("abcdefghij"), unique=True)


@given(documents, documents)
def test_the_order_is_that_of_the_summed_reciprocal_ranks(one, other):
    def earned(document):
        return sum(1 / (RANK_OFFSET + ranks.index(document) + 1) for ranks in (one, other) if document in ranks)

    found = order(fused([ranking(one), ranking(other)]))
    assert sorted(found) == sorted({*one, *other})
    assert all(earned(before) >= earned(after) for before, after in pairwise(found))


def test_a_minimum_score_holds_for_what_is_shown_and_costs_no_better_answer_its_place():
    search = HybridSearch([Ranked(passage("a", 0.1), passage("b", 0.6)), Ranked(passage("c", 0.2), passage("b", 0.3))])
    assert order(search.search("x", 1, min_score=0.5)) == ["b"]
    assert search.search("x", min_score=0.7) == []


def test_a_document_does_not_fill_the_answer_though_each_search_brings_other_parts_of_it():
    one = Ranked(*(passage("a", section=f"S{number}") for number in range(3)))
    other = Ranked(*(passage("a", section=f"T{number}") for number in range(3)), passage("b"))
    assert order(HybridSearch([one, other]).search("x", 10)) == ["a"] * MOST_PER_DOCUMENT + ["b"]


def test_it_speaks_for_its_searches():
    searches = [Ranked(passage("a")), Ranked()]
    hybrid = HybridSearch(searches)
    assert hybrid.knowledge_bases() == {"product": 1}
    assert hybrid.known_values("tag") == ["tag"]
    assert hybrid.score_meaning == ("the best of those that single searches give (ranked: a number; ranked: a number)")
    hybrid.close()
    assert all(search.closed for search in searches)


def test_its_probe_touches_every_search(shipped):
    probed = HybridSearch([LexicalSearch(shipped), SemanticSearch(shipped)]).probe()
    assert {"documents", "passages", "directions"} == set(probed)


def test_it_finds_what_only_words_and_what_only_meaning_can_find(library, index):
    for number, body in enumerate(
        ["apple pear orchard", "pear orchard harvest", "apple harvest orchard", "X-4711 valve"]
    ):
        library.write(f"d{number}", f"## About\n\n{body}")
    index.ingest(library.folder)
    search = HybridSearch([LexicalSearch(index), SemanticSearch(index)])
    assert "d1" in order(search.search("apple"))
    assert order(search.search("4711"))[0] == "d3"
