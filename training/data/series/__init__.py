"""Series of steps: read from files, cut into windows, of any length."""
