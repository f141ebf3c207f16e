"""The word that was meant, by the name under which training's modules know it."""

from torchferry.nearest import did_you_mean as did_you_mean
from torchferry.nearest import nearest as nearest
