"""Guided tours: notebooks to read, run and change."""
