"""Pictures of a run, and its held-out samples as files."""
