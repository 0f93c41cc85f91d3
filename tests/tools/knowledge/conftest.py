"""Small articles written by the tests, and the shipped ones indexed once."""

import pytest

from salesboost_tools.tools.knowledge import HybridSearch, KnowledgeIndex, LexicalSearch, SemanticSearch, open_knowledge


class Library:
    """A folder of articles that a test writes, changes and deletes."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def write(self, name, body="## About\n\nNothing much.", **head):
        head = {"id": name, "title": name.title(), "kb": "product"} | head
        lines = "\n".join(f"{key}: {value}" for key, value in head.items())
        (self.folder / f"{name}.md").write_text(f"---\n{lines}\n---\n{body}\n", encoding="utf-8")

    def delete(self, name):
        (self.folder / f"{name}.md").unlink()


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library")


@pytest.fixture
def index(tmp_path, library):
    made = KnowledgeIndex.create(tmp_path / "index" / "knowledge.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    made = open_knowledge(tmp_path_factory.mktemp("shipped"))
    yield made
    made.close()


KINDS = {
    "lexical": LexicalSearch,
    "semantic": SemanticSearch,
    "hybrid": lambda index: HybridSearch([LexicalSearch(index), SemanticSearch(index)]),
}


@pytest.fixture(scope="session", params=KINDS.values(), ids=KINDS.keys())
def search(request, shipped):
    made = request.param(shipped)
    yield made
    made.close()
