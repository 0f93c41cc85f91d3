"""State that outlives a call: memory by default, shared backends beside it (`state.redis` needs the extra `redis`)."""

from salesboost_tools.state.claim import Claim, ClaimState
from salesboost_tools.state.fallback import FallbackLimits, WhenDown
from salesboost_tools.state.health import StateHealth
from salesboost_tools.state.memory import MemoryCache, MemoryLimits, MemoryState
from salesboost_tools.state.memory_leases import MemoryLeases
from salesboost_tools.state.memory_records import MemoryRecords
from salesboost_tools.state.missing import MISSING, Missing
from salesboost_tools.state.protocols import (
    CacheEntry,
    CacheStore,
    LeaseStore,
    LimitClaim,
    LimitStore,
    RecordStore,
    State,
)

__all__ = [
    "MISSING",
    "CacheEntry",
    "CacheStore",
    "Claim",
    "ClaimState",
    "FallbackLimits",
    "LeaseStore",
    "LimitClaim",
    "LimitStore",
    "MemoryCache",
    "MemoryLeases",
    "MemoryLimits",
    "MemoryRecords",
    "MemoryState",
    "Missing",
    "RecordStore",
    "State",
    "StateHealth",
    "WhenDown",
]
