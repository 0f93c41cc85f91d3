"""Words and pure rules: no input or output, no clock of its own, no framework."""
