"""Which of several equal tools: policies, groups and the selector."""
