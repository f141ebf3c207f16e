"""Texts: rows of a file or files in folders, tokenized to what a network takes."""
