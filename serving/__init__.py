"""From a trained model to an answered request: `python -m serving export|archive|up|predict`."""
