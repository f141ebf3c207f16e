"""A server under attack: what honest clients notice of it, and what it leaves behind."""
