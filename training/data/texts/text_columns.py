"""The columns of a file that hold text, target and split, by their names."""

from collections.abc import Sequence
from dataclasses import dataclass

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.texts.text_rows import ARGS

TEXTS = ("text", "sentence", "content", "message", "body", "review", "document")
TARGETS = ("label", "labels", "class", "category", "target")
SPLITS = ("split",)


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Which are meant; None looks for the usual names."""

    text: str | None = None
    target: str | list[str] | None = None
    split: str | None = None

    def found(self, name: str, there: Sequence[str]) -> tuple[str, list[str], str | None]:
        """Text, targets and split, if there is one, of the columns that are `there`. Raises UserError."""
        text = _found(name, there, "text_column", self.text, TEXTS)
        if isinstance(self.target, list):
            targets = [_named(name, there, "target", each) for each in self.target]
        else:
            targets = [_required(name, there, "target", _found(name, there, "target", self.target, TARGETS), TARGETS)]
        split = _found(name, there, "split_column", self.split, SPLITS)
        return _required(name, there, "text_column", text, TEXTS), targets, split


def _found(name: str, there: Sequence[str], argument: str, given: str | None, usual: Sequence[str]) -> str | None:
    if given is not None:
        return _named(name, there, argument, given)
    found = [each for each in there if each.strip().lower() in usual]
    if len(found) > 1:
        raise UserError(f"{name}: columns {' and '.join(found)} could both be meant; give {ARGS}.{argument}")
    return found[0] if found else None


def _named(name: str, there: Sequence[str], argument: str, given: str) -> str:
    if given not in there:
        meant = did_you_mean(given, there)
        raise UserError(f"{ARGS}.{argument}: {name} has no column '{given}'; it has {some(there, 10)}{meant}")
    if list(there).count(given) > 1:
        raise UserError(f"{ARGS}.{argument}: {name} has more than one column '{given}'")
    return given


def _required(name: str, there: Sequence[str], argument: str, found: str | None, usual: Sequence[str]) -> str:
    if found is None:
        wanted = f"none of its columns {some(there, 10)} is named {', '.join(usual)}"
        raise UserError(f"{name}: {wanted}; give {ARGS}.{argument}")
    return found
