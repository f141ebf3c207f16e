"""Sounds in files: found in folders or a list, decoded to what a network takes."""
