"""The trainer: `torchferry train --config R`."""

import sys

if __name__ == "training":
    # In a checkout this folder is found under its own name too. Nothing is loaded twice: that name is the package's.
    import torchferry.training

    sys.modules[__name__] = torchferry.training
