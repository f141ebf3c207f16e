"""The classes' names: of the one output, or of each of several that scores classes of its own."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.tensor_spec import TensorSpec

Specs = tuple[TensorSpec, ...]
OF_OUTPUT = re.compile(r"(?P<output>[A-Za-z_][A-Za-z0-9_.-]*)=(?P<file>.+)")


@dataclass(frozen=True)
class Labels:
    """As --labels gives them."""

    alone: tuple[str, ...] = ()
    """Of the one output."""
    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By output."""

    @property
    def only(self) -> tuple[str, ...]:
        """Those of the one file there is, if there is one."""
        return self.alone or (next(iter(self.of.values())) if len(self.of) == 1 else ())


def read_labels(given: Sequence[str]) -> Labels:
    """From each FILE or OUTPUT=FILE. Raises UserError."""
    alone: list[tuple[str, ...]] = []
    of: dict[str, tuple[str, ...]] = {}
    for text in given:
        found = None if Path(text).exists() else OF_OUTPUT.fullmatch(text)
        if found is None:
            alone.append(_read(Path(text)))
        elif found["output"] in of:
            raise UserError(f"--labels: {found['output']} has two files; give it one")
        else:
            of[found["output"]] = _read(Path(found["file"]))
    if len(alone) > 1 or (alone and of):
        raise UserError("--labels: is given more than once; say OUTPUT=FILE for each output")
    return Labels(alone[0] if alone else (), of)


def labelled(outputs: Specs, labels: Labels) -> tuple[Specs, tuple[str, ...]]:
    """The outputs of no known task with the labels that were given by name, and the labels of the one output. Raises
    UserError for an output that there is not, and for another number of labels."""
    names = [output.name for output in outputs]
    for name in labels.of:
        if name not in names:
            raise UserError(f"--labels: there is no output '{name}'{did_you_mean(name, names, _has(names))}")
    if labels.alone and len(outputs) > 1:
        raise UserError(f"--labels: of which output? say {names[0]}=FILE, or another; {_has(names)}")
    of = {names[0]: labels.alone} if labels.alone else labels.of
    for output in outputs:
        if output.name in of:
            _check_scores(output)
            _check_count(output, of[output.name], output.shape[-1])
    return _with_own(outputs, of), of.get(names[0], ()) if len(outputs) == 1 else ()


def _with_own(outputs: Specs, labels: Mapping[str, tuple[str, ...]]) -> Specs:
    """By which an output is answered where the task says nothing of it."""
    return tuple(dataclasses.replace(output, labels=labels.get(output.name)) for output in outputs)


def _check_scores(output: TensorSpec) -> None:
    if not output.datatype.startswith("FP"):  # the largest of ids, or of truth values, is not the best class
        kind = f"the output {output.name} is {output.datatype}"
        raise UserError(f"--labels: {kind}; labels are for scores, floating-point numbers of [batch, classes]")
    if len(output.shape) != 2:
        shape = list(output.shape)
        raise UserError(f"--labels: the output {output.name} is {shape}; labels are for scores, [batch, classes]")


def _check_count(output: TensorSpec, labels: tuple[str, ...], classes: int) -> None:
    if len(labels) != classes:
        raise UserError(f"--labels: has {len(labels)} classes, but the model knows {classes} in {output.name}")


def _has(names: Sequence[str]) -> str:
    return f"the model has {', '.join(names)}"


def _read(path: Path) -> tuple[str, ...]:
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--labels: cannot read {path} ({getattr(error, 'strerror', None) or error})") from error
    if not labels:
        raise UserError(f"--labels: {path} is empty; one class a line is expected")
    return labels
