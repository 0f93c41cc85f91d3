"""How the knowledge base is searched, as the settings say."""

from collections.abc import Mapping
from typing import Any

from langchain_core.embeddings import Embeddings

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.data_folder import own_documents
from salesboost_tools.settings import Settings
from salesboost_tools.tools.knowledge import (
    EmbeddingSearch,
    HybridSearch,
    LexicalSearch,
    RetrieverSearch,
    Search,
    SemanticSearch,
    VectorStoreSearch,
    open_knowledge,
)
from salesboost_tools.tools.names import KNOWLEDGE, KNOWLEDGE_VARIANTS


def open_searches(
    settings: Settings, embeddings: Embeddings | None = None, retrievers: Mapping[str, Any] | None = None
) -> list[Search]:
    """Return the searches that are equal to each other: by words, by meaning, by both, the user's own.

    The one that the settings choose stands first. What they learn beforehand is learnt here: within a first call it
    would eat up its time limit.

    Args:
        settings: Where documents and models are.
        embeddings: For the search by meaning; by default MiniLM if the settings name its folder, else a latent semantic
            space, learnt from the documents themselves.
        retrievers: LangChain retrievers and vector stores, by a word that becomes part of their tool's name.

    Raises:
        ConfigurationError: A setting names what cannot be used, or a retriever is none.
    """
    own = [_adapted(kind, retriever) for kind, retriever in (retrievers or {}).items()]
    index = open_knowledge(settings.data_dir, own_documents(settings))
    lexical, latent = LexicalSearch(index), SemanticSearch(index)
    latent.prepare()
    embeddings = embeddings or minilm_of(settings)
    if embeddings is None:
        return _first(settings.knowledge_search, [lexical, latent, HybridSearch([lexical, latent]), *own])
    embedded = EmbeddingSearch(index, embeddings)
    embedded.prepare()
    return _first(settings.knowledge_search, [lexical, embedded, HybridSearch([lexical, latent, embedded]), *own])


def _first(kind: str, searches: list[Search]) -> list[Search]:
    return sorted(searches, key=lambda search: search.kind != kind)


def minilm_of(settings: Settings) -> Embeddings | None:
    """Return MiniLM if the settings name its folder; None if they do not.

    Raises:
        ConfigurationError: The folder does not hold the model.
        MissingExtraError: The extra `minilm` is not installed.
    """
    if settings.minilm_dir is None:
        return None
    from salesboost_tools.tools.knowledge.minilm import MiniLmEmbeddings  # noqa: PLC0415  (an extra)

    return MiniLmEmbeddings(settings.minilm_dir)


def _adapted(kind: str, retriever: Any) -> Search:
    from langchain_core.retrievers import BaseRetriever  # noqa: PLC0415  (only with retrievers of one's own)
    from langchain_core.vectorstores import VectorStore  # noqa: PLC0415

    if not kind.isidentifier() or f"{KNOWLEDGE}_{kind}" in KNOWLEDGE_VARIANTS:
        raise ConfigurationError(
            f"a retriever cannot be called {kind!r}: it has to be a word, and none of {', '.join(KNOWLEDGE_VARIANTS)}"
        )
    if isinstance(retriever, BaseRetriever):
        return RetrieverSearch(retriever, kind)
    if isinstance(retriever, VectorStore):
        return VectorStoreSearch(retriever, kind)
    raise ConfigurationError(
        f"retriever {kind!r} is a {type(retriever).__name__}; it has to be a LangChain BaseRetriever or VectorStore"
    )
