"""Samples in shards, tar files that may lie in a store."""
