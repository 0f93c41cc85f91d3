"""Laws are checked without a time limit per example: the machine may be busy with other things."""
