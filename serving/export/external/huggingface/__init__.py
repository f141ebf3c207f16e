"""Folders as Hugging Face's libraries save them: config.json, the weights beside it, and how pictures are prepared."""
