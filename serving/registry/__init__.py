"""Bundles under a URL: published once, pulled by many, with channels that say which version is meant."""
