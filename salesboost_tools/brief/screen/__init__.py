"""What a person sees in the terminal: progress, the brief, the timeline, what the handlers did."""
