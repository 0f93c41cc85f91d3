"""Speed, measured as a ratio to the part it replaces, in the same run: machines are shared and noisy."""
