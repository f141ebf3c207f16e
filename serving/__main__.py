"""`python -m serving <verb>`; each verb imports its own step only when it is chosen."""

import sys

from serving.verbs import run

VERBS = {
    "export": ("serving.export.command", "a run folder to a bundle of measured variants"),
    "archive": ("serving.torchserve.archive", "a bundle to a TorchServe archive per accepted variant"),
    "up": ("serving.up", "start a server and wait until it answers"),
    "predict": ("serving.predict", "send images to a server and print what it says"),
}

if __name__ == "__main__":
    sys.exit(run("serving", VERBS, sys.argv[1:]))
