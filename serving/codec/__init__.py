"""Request bodies to tensors, and outputs to answers."""
