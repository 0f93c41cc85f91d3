"""The roles in which the sales tools are called."""

ROLES: frozenset[str] = frozenset({"coach", "npc", "session_director", "rag", "retriever", "compliance", "system"})
"""`system` is the system calling by itself, not everybody."""
