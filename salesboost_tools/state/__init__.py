"""State that outlives a call: memory by default, shared backends beside it."""

from salesboost_tools.state.memory import MemoryCache, MemoryLimits, MemoryState
from salesboost_tools.state.protocols import MISSING, CacheStore, LimitStore, State

__all__ = ["MISSING", "CacheStore", "LimitStore", "MemoryCache", "MemoryLimits", "MemoryState", "State"]
