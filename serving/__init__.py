"""From a trained model to an answered request: `torchferry export`, `archive`, `up`, `predict`."""

from pathlib import Path

if __name__ == "serving":
    # A checkout has this folder at its top too; that name only forwards `python -m serving`.
    __path__ = [str(Path(__file__).resolve().parents[1] / "torchferry" / "forwards")]
