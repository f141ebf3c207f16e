"""A bundle as other servers take it."""
