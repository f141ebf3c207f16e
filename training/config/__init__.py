"""The recipe, its command line, and the parts it names, built by name or by import path."""
