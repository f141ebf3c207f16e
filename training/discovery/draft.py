"""A recipe with its comments, as text."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from torchferry.training.config.cli import Dumper
from torchferry.training.config.instantiate import Component

WIDTH = 120
COLUMN = 40
"""Where comments begin, if the line has room."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was found out about the data, and what suits it."""

    title: str
    name: str
    task: str
    source: Component
    comments: dict[str, str]
    """Of the source's arguments."""
    samples: int
    """For training."""
    network: Component
    network_comment: str
    augment: tuple[Component, ...] = ()
    weights: str | None = None
    head: str | None = None
    """Beginning of the names of the parameters that are new."""
    learning_rate: float = 0.001

    @property
    def batch_size(self) -> int:
        """At least ten steps in an epoch if there are samples for it, up to 64 samples in each."""
        wanted = max(8, min(64, 2 ** ((self.samples // 10) or 1).bit_length() // 2))
        return min(wanted, self.samples)

    @property
    def epochs(self) -> int:
        """About a thousand steps."""
        return max(5, min(100, 1000 * self.batch_size // self.samples))


def text_of(draft: Draft, file: str) -> str:
    lines = [
        f"# {draft.title}",
        f"#   torchferry train --config {file}",
        "# A key may be given on the command line too: --optimizer.args.lr 0.0003. torchferry describe lists them all,",
        "# torchferry describe KEY says more of one. Paths are relative to where training starts.",
        *_lines(_keys(draft), 0),
    ]
    return "\n".join(lines) + "\n"


Keys = list[tuple[str, Any, str]]
"""Key, value or further keys, comment."""


def _keys(draft: Draft) -> Keys:
    source: Keys = [(name, value, draft.comments.get(name, "")) for name, value in draft.source.args.items()]
    return [
        ("name", draft.name, "the run's name; its folder is runs/NAME"),
        ("seed", 0, "initial weights, augmentation and order of samples; another number is another run"),
        ("epochs", draft.epochs, "passes over the training data; more for a better fit, fewer to try something"),
        ("task", draft.task, "what outputs mean; torchferry describe lists the tasks"),
        ("data", _data(draft, source), ""),
        ("model", _part(draft.network, draft.network_comment), ""),
        *_weights(draft),
        ("optimizer", [
            ("name", "AdamW", "SGD, Adam or any of torch.optim"),
            ("args", [
                ("lr", draft.learning_rate, "the first thing to change: 3 times as much or a third"),
                ("weight_decay", 0.01, "larger against overfitting; 0 for none"),
            ], ""),
        ], ""),
        ("schedule", [
            ("name", "cosine", "constant, linear, step, triangular or any of torch.optim.lr_scheduler"),
            ("warmup_steps", min(20, draft.epochs), "steps over which the learning rate rises from 0"),
        ], ""),
        ("step", [
            ("precision", "fp32", "bf16 is quicker on GPUs"),
            ("clip_norm", 1.0, "largest norm of the gradients; null for no limit"),
        ], ""),
        ("checkpoint", [
            ("every_epochs", max(1, draft.epochs // 10), "how often all is saved, to go on from"),
            ("keep", 2, "how many of the newest stay, beside the best"),
            ("export", "best", "the weights that leave training: best by the test set's score, or last"),
        ], ""),
    ]  # fmt: skip


def _data(draft: Draft, source: Keys) -> Keys:
    keys: Keys = [
        ("source", _part(draft.source, f"torchferry describe {draft.source.name}", source), ""),
        ("batch_size", draft.batch_size, "samples of one step, over all processes; the learning rate goes with it"),
        ("workers", 0, "loader processes; 2 or more if training waits for its data"),
    ]
    if draft.augment:
        parts = [{"name": part.name} | ({"args": part.args} if part.args else {}) for part in draft.augment]
        keys.append(("augment", parts, "changes of training images, in this order; [] for none"))
    return keys


def _weights(draft: Draft) -> Keys:
    if draft.weights is None:
        return []
    return [
        ("weights", [
            ("source", draft.weights, "a file, or torchvision's by name; leave weights out to begin from none"),
            ("skip", [draft.head], "beginnings of parameters that stay as they are made: the new head"),
        ], "what training begins from"),
    ]  # fmt: skip


def _part(component: Component, comment: str, args: Keys | None = None) -> Keys:
    inner = args or [(name, value, "") for name, value in component.args.items()]
    return [("name", component.name, comment), *([("args", inner, "")] if inner else [])]


def _lines(keys: Keys, depth: int) -> list[str]:
    found = []
    for key, value, comment in keys:
        is_section = isinstance(value, list) and bool(value) and isinstance(value[0], tuple)
        line = "  " * depth + f"{key}:" + ("" if is_section else f" {_scalar(value)}")
        said = f"{line:{COLUMN}}  # {comment}" if comment else line
        if len(said) > WIDTH:  # the comment stands above
            found.append("  " * depth + f"# {comment}")
            said = line
        found.append(said)
        if is_section:
            found += _lines(value, depth + 1)
    return found


def _scalar(value: Any) -> str:
    text = yaml.dump(value, Dumper=Dumper, default_flow_style=True, width=10**9, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def name_for(path: str) -> str:
    """A run's name from that of a file or folder."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path).strip("-_")[:80]
    return name if name and not name[0].isdigit() else f"run-{name}".rstrip("-")
