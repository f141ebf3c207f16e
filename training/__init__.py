"""The trainer: `torchferry train --config R`."""

from pathlib import Path

if __name__ == "training":
    # A checkout has this folder at its top too; that name only forwards `python -m training`.
    __path__ = [str(Path(__file__).resolve().parents[1] / "torchferry" / "forwards")]
