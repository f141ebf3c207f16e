"""Models that come as an ONNX graph: read, given a batch axis, computed as a network, put into what is exported."""
