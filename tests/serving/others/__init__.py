"""Models of others, each from the file in its package to answers that are the package's own."""
