"""Of each package its own example, with whatever computes its model replaced."""
