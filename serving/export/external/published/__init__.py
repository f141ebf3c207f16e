"""Preprocessing that whoever trained a network has written down: torchvision's Weights, timm's, Hugging Face's."""
