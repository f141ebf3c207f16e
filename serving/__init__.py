"""From a trained model to an answered request: `torchferry export`, `archive`, `up`, `predict`."""

import sys

if __name__ == "serving":
    # In a checkout this folder is found under its own name too. Nothing is loaded twice: that name is the package's.
    import torchferry.serving

    sys.modules[__name__] = torchferry.serving
