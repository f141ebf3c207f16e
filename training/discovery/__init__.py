"""What there is to choose from, recipes to begin with, and what a model is worth on other data."""
