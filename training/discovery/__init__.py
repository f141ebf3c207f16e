"""Descriptions of all parts, recipes to begin with, and a model's metrics on other data."""
