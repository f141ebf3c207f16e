"""The load generator: requests at set times over many connections, and what became of each."""
