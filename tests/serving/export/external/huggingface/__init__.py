"""Tests of folders as Hugging Face's libraries save them."""
