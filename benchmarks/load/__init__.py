"""The load generator: requests at set times over many connections, and the outcome of each."""
