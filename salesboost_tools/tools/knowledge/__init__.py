"""The knowledge base: articles in Markdown, found by their words or by their meaning, and cited."""

from salesboost_tools.tools.knowledge.index import IngestCounts, KnowledgeIndex
from salesboost_tools.tools.knowledge.lexical import LexicalSearch
from salesboost_tools.tools.knowledge.opening import open_knowledge, shipped_articles
from salesboost_tools.tools.knowledge.search import Passage, Search
from salesboost_tools.tools.knowledge.semantic import SemanticSearch
from salesboost_tools.tools.knowledge.tool import KnowledgeQuestion, KnowledgeRetriever

__all__ = [
    "IngestCounts",
    "KnowledgeIndex",
    "KnowledgeQuestion",
    "KnowledgeRetriever",
    "LexicalSearch",
    "Passage",
    "Search",
    "SemanticSearch",
    "open_knowledge",
    "shipped_articles",
]
