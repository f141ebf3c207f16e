"""The checks that a variant must pass before it may be served."""
