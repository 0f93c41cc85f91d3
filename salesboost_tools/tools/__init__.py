"""The eight sales tools. They know their stores and nothing of governance."""
