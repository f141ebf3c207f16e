"""`python -m serving <verb>`; each verb imports its own step only when it is chosen."""

import sys

from serving.cli.verbs import run

VERBS = {
    "export": ("serving.export.export_command", "a run, or any model, to a bundle of measured variants"),
    "publish": ("serving.registry.publish", "a bundle to a URL, as a version that never changes"),
    "pull": ("serving.registry.pull", "a published bundle to a folder, checked"),
    "promote": ("serving.registry.channels:promote", "make a channel, such as stable, mean a version"),
    "rollback": ("serving.registry.channels:rollback", "make a channel mean what it meant before"),
    "history": ("serving.registry.channels:history", "a model's versions, and every move of its channels"),
    "archive": ("serving.torchserve.archive", "a bundle to a TorchServe archive per accepted variant"),
    "up": ("serving.up", "start a server and wait until it answers"),
    "models": (
        "serving.torchserve.models_command",
        "what a running TorchServe serves: list, register, rollout, default, scale, remove",
    ),
    "predict": ("serving.predict", "send images to a server and print what it says"),
}

if __name__ == "__main__":
    sys.exit(run("serving", VERBS, sys.argv[1:]))
