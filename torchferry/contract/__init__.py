"""What a sample is before the network, the same for training, export and both servers. Without torch."""
