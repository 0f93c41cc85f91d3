"""Any LangChain retriever or vector store answers like the knowledge base: same passages, same citations."""

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from salesboost_tools.tools.knowledge import (
    HybridSearch,
    KnowledgeFilters,
    KnowledgeRetriever,
    LexicalSearch,
    RetrieverSearch,
    VectorStoreSearch,
)
from salesboost_tools.tools.knowledge.search import MOST_PER_DOCUMENT
from tests.tools.knowledge.test_embeddings import HashedWordEmbeddings

APPLES = Document(
    "Apples grow on trees.",
    metadata={
        "title": "On apples", "section": "Growing", "document": "D-1", "version": "3", "updated": "2026-03-01",
        "tags": ["fruit"], "region": "EU", "kb": "garden",
    },
)  # fmt: skip
IRON = Document("Iron is smelted from ore.", metadata={"source": "iron.pdf", "page": 4, "region": "US"})


class ListedRetriever(BaseRetriever):
    """Finds the same documents whatever is asked."""

    documents: list[Document]

    def _get_relevant_documents(self, query, *, run_manager):
        return self.documents


class DistanceStore(VectorStore):
    """Scores by distance, nearest first, as many stores do."""

    def __init__(self, *scored):
        self.scored = scored

    def similarity_search(self, query, k=4, **options):
        return [document for document, _ in self.scored[:k]]

    def similarity_search_with_score(self, query, k=4, **options):
        return list(self.scored[:k])

    @classmethod
    def from_texts(cls, texts, embedding, metadatas=None, **options):
        raise NotImplementedError


@pytest.fixture
def store():
    made = InMemoryVectorStore(HashedWordEmbeddings())
    made.add_documents([APPLES, IRON])
    return made


@pytest.fixture(params=["retriever", "vectors"])
def search(request, store):
    if request.param == "vectors":
        return VectorStoreSearch(store)
    return RetrieverSearch(ListedRetriever(documents=[APPLES, IRON]))


def documents(passages):
    return [passage.document for passage in passages]


def test_an_answer_is_cited_with_what_the_metadata_say(search):
    passage = search.search("where do apples grow on trees?")[0]
    assert (passage.text, passage.title, passage.section) == ("Apples grow on trees.", "On apples", "Growing")
    assert (passage.document, passage.version, passage.updated, passage.kb) == ("D-1", "3", "2026-03-01", "garden")


def test_what_the_metadata_lack_is_said_by_the_source_the_page_and_the_hash(search):
    [passage] = search.search("iron smelted", filters=KnowledgeFilters(document="iron.pdf"))
    assert (passage.title, passage.section, passage.kb) == ("iron.pdf", "Page 4", "documents")
    assert passage.version.startswith("sha256:")
    assert passage.updated is None


def test_filters_and_knowledge_bases_hold(search):
    assert documents(search.search("apples iron", kb="garden")) == ["D-1"]
    assert documents(search.search("apples iron", filters=KnowledgeFilters(tag="FRUIT"))) == ["D-1"]
    assert documents(search.search("apples iron", filters=KnowledgeFilters(metadata={"region": "us"}))) == ["iron.pdf"]
    assert documents(search.search("apples iron", filters=KnowledgeFilters(updated_since="2026-01-01"))) == ["D-1"]
    assert search.search("apples iron", filters=KnowledgeFilters(tag="fruit", metadata={"region": "US"})) == []


def test_the_tool_says_that_it_found_nothing_and_what_could_be_loosened(search):
    tool = KnowledgeRetriever.variant(search)
    assert tool.name == f"knowledge_retriever_{search.kind}"
    answer = tool.invoke({"query": "apples", "filters": {"tag": "metal"}})
    assert answer["answer_found"] is False
    assert "search without `filters`" in answer["note"]
    assert "documents: documents." in answer["note"]


async def test_the_tool_answers_sync_and_async_alike(search):
    tool = KnowledgeRetriever(search)
    assert await tool.ainvoke({"query": "apples grow"}) == tool.invoke({"query": "apples grow"})
    assert set(tool.probe()) == {"documents_found"}
    tool.close()


def test_scores_of_a_retriever_are_its_own_or_fall_with_the_place():
    scored = ListedRetriever(documents=[Document("a", metadata={"score": 0.9}), Document("b"), Document("c")])
    found = RetrieverSearch(scored).search("x")
    assert [passage.score for passage in found] == [0.9, 1 / 2, 1 / 3]
    assert len(RetrieverSearch(scored).search("x", min_score=0.4)) == 2


def test_distances_become_nearness():
    search = VectorStoreSearch(DistanceStore((APPLES, 0.25), (IRON, 3.0)))
    assert [(passage.document, passage.score) for passage in search.search("x")] == [("D-1", 0.8), ("iron.pdf", 0.25)]


def test_a_long_text_is_cut_and_a_document_does_not_fill_the_answer():
    many = [Document("word " * 1000, metadata={"source": "long"}) for _ in range(6)]
    found = RetrieverSearch(ListedRetriever(documents=many)).search("x", 20)
    assert len(found) == MOST_PER_DOCUMENT
    assert all(len(passage.text) <= 2000 for passage in found)


def test_it_can_be_fused_with_the_own_index(library, index, search):
    library.write("pears", "## Growing\n\nPears grow on trees, too.")
    index.ingest(library.folder)
    found = documents(HybridSearch([LexicalSearch(index), search]).search("what grows on trees"))
    assert {"pears", "D-1"} <= set(found)
