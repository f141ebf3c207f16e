"""The variants of a model, and the graphs that they are made of."""
