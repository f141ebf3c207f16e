"""The peers' apps: each file is started by its peer's own interpreter and imports nothing of ours."""
