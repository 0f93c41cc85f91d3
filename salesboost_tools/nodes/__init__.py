"""LangGraph nodes."""
