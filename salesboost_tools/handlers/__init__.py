"""Handlers: each stands around one call and does one thing. None knows another."""
