"""Any LangChain `Embeddings` will do; every text goes to the model once, and what was paid for is kept."""

import hashlib
import math

import pytest
from langchain_core.embeddings import Embeddings

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.knowledge import EmbeddingSearch, KnowledgeFilters, KnowledgeRetriever
from salesboost_tools.tools.knowledge.words import STOP_WORDS


class HashedWordEmbeddings(Embeddings):
    """Deterministic vectors: each word adds 1 at a place that its hash names, so texts with equal words are near."""

    def __init__(self, dimensions=2048, fails_after=math.inf):
        self.dimensions, self.fails_after = dimensions, fails_after
        self.embedded = []

    def embed_query(self, text):
        vector = [0.0] * self.dimensions
        for word in text.lower().split():
            if word.strip(".,?") not in STOP_WORDS:
                vector[int(hashlib.sha256(word.strip(".,?").encode()).hexdigest(), 16) % self.dimensions] += 1
        return vector

    def embed_documents(self, texts):
        if len(self.embedded) + len(texts) > self.fails_after:
            raise ConnectionError("the model is away")
        self.embedded += texts
        return [self.embed_query(text) for text in texts]


@pytest.fixture
def fruits(library, index):
    library.write("apples", "## Growing\n\nApples grow on trees.", product_lines="[pipeline]")
    library.write("iron", "## Making\n\nIron is smelted from ore.", kb="process")
    index.ingest(library.folder)
    return index


def documents(passages):
    return [passage.document for passage in passages]


def test_the_passage_nearest_to_the_question_comes_first_with_its_citation(fruits):
    [first, *_] = EmbeddingSearch(fruits, HashedWordEmbeddings()).search("where do apples grow on trees?")
    assert (first.document, first.section, first.kb) == ("apples", "Growing", "product")
    assert 0.5 < first.score <= 1


def test_knowledge_bases_filters_and_a_minimum_score_hold(fruits):
    search = EmbeddingSearch(fruits, HashedWordEmbeddings())
    assert documents(search.search("apples iron", kb="process")) == ["iron"]
    assert documents(search.search("apples iron", filters=KnowledgeFilters(product_line="pipeline"))) == ["apples"]
    assert search.search("apples grow", min_score=0.99) == []
    assert search.search("unheard words") == []
    assert search.search("  ") == []


def test_a_text_goes_to_the_model_once_whoever_asks_and_however_often(fruits):
    model = HashedWordEmbeddings()
    EmbeddingSearch(fruits, model).search("apples")
    assert len(model.embedded) == 2
    again = EmbeddingSearch(fruits, model)
    again.search("iron")
    again.close()
    again.search("iron")
    assert len(model.embedded) == 2


def test_after_an_ingestion_only_new_texts_go_to_the_model(library, fruits):
    model = HashedWordEmbeddings()
    search = EmbeddingSearch(fruits, model)
    search.prepare()
    library.write("plums", "## Growing\n\nPlums are picked in autumn.")
    library.delete("iron")
    fruits.ingest(library.folder)
    assert documents(search.search("plums picked in autumn", 1)) == ["plums"]
    assert documents(search.search("iron smelted")) == []
    assert len(model.embedded) == 3


def test_what_was_embedded_before_the_model_failed_is_not_paid_for_twice(library, index):
    for number in range(70):
        library.write(f"d{number}", f"## About\n\nwords number{number}")
    index.ingest(library.folder)
    model = HashedWordEmbeddings(fails_after=64)
    search = EmbeddingSearch(index, model)
    with pytest.raises(ConnectionError):
        search.search("number5")
    model.fails_after = math.inf
    assert documents(search.search("number5", 1)) == ["d5"]
    assert len(model.embedded) == len(set(model.embedded)) == 70


def test_progress_is_told_in_texts(fruits):
    told = []
    EmbeddingSearch(fruits, HashedWordEmbeddings()).prepare(lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (2, 2)]


def test_another_models_vectors_are_not_taken_for_this_ones(fruits):
    EmbeddingSearch(fruits, HashedWordEmbeddings(), model="one").search("apples")
    other = HashedWordEmbeddings(64)
    assert documents(EmbeddingSearch(fruits, other, model="two").search("apples")) == ["apples"]
    assert len(other.embedded) == 2


def test_vectors_that_do_not_fit_the_kept_ones_are_refused_with_what_to_do(library, fruits):
    EmbeddingSearch(fruits, HashedWordEmbeddings(2048)).prepare()
    library.write("plums", "## Growing\n\nPlums")
    fruits.ingest(library.folder)
    with pytest.raises(UpstreamError, match=r"vectors of \[64\] numbers.*have 2048; .*delete that file"):
        EmbeddingSearch(fruits, HashedWordEmbeddings(64)).search("plums")


@pytest.mark.parametrize("content", [b"", b"rubbish" * 100])
def test_a_damaged_file_of_vectors_is_made_anew(fruits, content):
    model = HashedWordEmbeddings()
    search = EmbeddingSearch(fruits, model)
    search.prepare()
    [kept] = fruits.path.parent.glob("*.vectors")
    kept.write_bytes(content)
    search.close()
    assert documents(search.search("apples")) == ["apples"]
    assert len(model.embedded) == 4


def test_an_empty_index_has_no_answer(index):
    search = EmbeddingSearch(index, HashedWordEmbeddings())
    assert search.search("apples") == []
    assert search.probe() == {"documents": 0, "passages": 0, "dimensions": 0}


def test_it_serves_the_tool(fruits):
    tool = KnowledgeRetriever.variant(EmbeddingSearch(fruits, HashedWordEmbeddings()))
    assert tool.name == "knowledge_retriever_semantic"
    answer = tool.invoke({"query": "apples grow on trees"})
    assert answer["passages"][0]["document"] == "apples"
    assert tool.probe() == {"documents": 2, "passages": 2, "dimensions": 2048}
