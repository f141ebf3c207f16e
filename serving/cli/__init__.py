"""The command line: verbs, options, and settings from a file."""
