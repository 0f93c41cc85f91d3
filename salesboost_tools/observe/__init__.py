"""What operators see: metrics and the status feed."""
