"""The input contract: decoding of samples before the network, shared by training, export and both servers. No torch."""
