"""The server over gRPC."""
