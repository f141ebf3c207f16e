"""`tune`: the server settings with the highest rate within a limit of p99."""
