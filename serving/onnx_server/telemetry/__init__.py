"""What the server tells of each request: metrics, traces, log."""
