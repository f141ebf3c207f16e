"""Models that somebody else trained: their networks, weights, inputs, outputs, names and preprocessing."""
