"""ONNX graphs, of files and of torch: read, named, given a batch axis, computed as a network, put into each other."""
