"""The knowledge base: documents found by their words, by their meaning, or by both, and cited."""

from salesboost_tools.tools.knowledge.adapters import RetrieverSearch, VectorStoreSearch
from salesboost_tools.tools.knowledge.embeddings import EmbeddingSearch
from salesboost_tools.tools.knowledge.filters import KnowledgeFilters
from salesboost_tools.tools.knowledge.hybrid import HybridSearch
from salesboost_tools.tools.knowledge.index import KnowledgeIndex
from salesboost_tools.tools.knowledge.ingestion import BrokenFile, IngestReport
from salesboost_tools.tools.knowledge.lexical import LexicalSearch
from salesboost_tools.tools.knowledge.opening import open_knowledge, open_own, shipped_articles
from salesboost_tools.tools.knowledge.search import Passage, Search
from salesboost_tools.tools.knowledge.semantic import SemanticSearch
from salesboost_tools.tools.knowledge.tool import KnowledgeQuestion, KnowledgeRetriever

__all__ = [
    "BrokenFile",
    "EmbeddingSearch",
    "HybridSearch",
    "IngestReport",
    "KnowledgeFilters",
    "KnowledgeIndex",
    "KnowledgeQuestion",
    "KnowledgeRetriever",
    "LexicalSearch",
    "Passage",
    "RetrieverSearch",
    "Search",
    "SemanticSearch",
    "VectorStoreSearch",
    "open_knowledge",
    "open_own",
    "shipped_articles",
]
