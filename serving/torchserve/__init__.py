"""TorchServe 0.12 behind an adapter: only `up` and `client` of the rest import from here."""
