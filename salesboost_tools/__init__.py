"""Governance for LangChain and LangGraph tool calls."""
