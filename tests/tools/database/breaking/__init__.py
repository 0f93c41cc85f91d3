"""Migrations of a module whose second step fails half-way."""
