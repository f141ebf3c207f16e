"""A run: built, tried by a first step, trained, evaluated and left as results."""
