"""TorchServe 0.12 behind an adapter: nothing outside this folder knows how it is started, fed or stopped."""
