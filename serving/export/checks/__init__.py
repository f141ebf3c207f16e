"""What a variant must pass before it may be served."""
