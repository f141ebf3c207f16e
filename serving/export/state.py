"""`--state IN=OUT[@AXIS]`: an output that is an input of the next request of a sequence, and what a sequence begins
with."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from torchferry.contract.tasks import name_of
from torchferry.contract.tasks.tensors import Tensors
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.state import wrong_state
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import dtype_of
from torchferry.serving.export.reference import Reference
from torchferry.training.config.instantiate import one_line

OPTION, START = "--state", "--state-start"
FORM = re.compile(r"(?P<input>[^=]+)=(?P<output>[^=@]+)(?:@(?P<axis>\d{1,2}))?")
AnyReference = TypeVar("AnyReference", bound=Reference)


@dataclass(frozen=True)
class Pair:
    input: str
    output: str
    axis: int = 0
    """Of the batch, in both, as the network has them; what is served has it first."""


def add_state_options(group: "argparse._ArgumentGroup") -> None:
    pairs = (
        "the output OUT of a request is the input IN of the next one of its sequence; again for each pair; @1 where "
    )
    pairs += "their batch is axis 1, as of torch's LSTM"
    group.add_argument(OPTION, action="append", default=[], metavar="IN=OUT[@AXIS]", help=pairs)
    start = "an .npz of what a sequence begins with, by input, without the batch (default zeros)"
    group.add_argument(START, type=Path, metavar="FILE", help=start)


def with_state(reference: AnyReference, texts: Sequence[str], file: Path | None) -> AnyReference:
    """The same, carrying what --state says. Raises UserError for pairs that the model does not have, or that are not
    alike, and for a file that does not hold their values."""
    if not texts:
        if file is not None:
            raise UserError(f"{START}: is for {OPTION} IN=OUT, which is missing")
        return reference
    state = {pair.input: pair.output for pair in read_pairs(texts)}
    if words := wrong_state(state, reference.inputs, reference.outputs):
        raise UserError(f"{OPTION}: {words}{_of_task(reference, state)}")
    specs = [spec for spec in reference.inputs if spec.name in state]
    if file is None:
        print(f"{OPTION}: a sequence begins with zeros in {', '.join(state)}; {START} gives other values", flush=True)
    return replace(reference, state=state, start=_start(specs, file))


def read_pairs(texts: Sequence[str]) -> list[Pair]:
    """Raises UserError."""
    pairs: list[Pair] = []
    for text in texts:
        if not (found := FORM.fullmatch(text)):
            words = "an input and the output that comes back in it, with @AXIS where their batch is not the first axis"
            raise UserError(f"{OPTION}: '{text}' is not IN=OUT, {words}")
        pairs.append(Pair(found["input"], found["output"], int(found["axis"] or 0)))
        if [pair.input for pair in pairs].count(found["input"]) > 1:
            raise UserError(f"{OPTION}: '{found['input']}' is given twice")
    return pairs


def _of_task(reference: Reference, state: Mapping[str, str]) -> str:
    """Where a task's own outputs are all that is served."""
    if isinstance(reference.task, Tensors) or set(state.values()) <= {spec.name for spec in reference.outputs}:
        return ""
    return f"; {name_of(type(reference.task))} answers nothing else, and --task tensors all that the network gives"


def _start(specs: Sequence[TensorSpec], file: Path | None) -> dict[str, np.ndarray]:
    zeros = {spec.name: np.zeros(spec.shape[1:], dtype_of(spec.datatype)) for spec in specs}
    if file is None:
        return zeros
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
            given = dict(held)
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(f"{START}: {file} is no .npz of plain arrays ({one_line(error)})") from error
    for name in given:
        if name not in zeros:
            meant = did_you_mean(name, zeros, f"{OPTION} names {', '.join(zeros)}")
            raise UserError(f"{START}: {file} has '{name}', which is no state{meant}")
    return {name: _fitted(given, name, zero, file) for name, zero in zeros.items()}


def _fitted(given: Mapping[str, np.ndarray], name: str, zero: np.ndarray, file: Path) -> np.ndarray:
    if name not in given:
        raise UserError(f"{START}: {file} has no '{name}'; it has {', '.join(given) or 'nothing'}")
    values = given[name]
    if values.shape not in (zero.shape, (1, *zero.shape)):
        raise UserError(f"{START}: '{name}' in {file} is {list(values.shape)}; {list(zero.shape)} is expected")
    are_rounded = values.dtype.kind == zero.dtype.kind == "f"
    if not (are_rounded or np.can_cast(values.dtype, zero.dtype)):
        raise UserError(f"{START}: '{name}' in {file} is {values.dtype}; {zero.dtype} is expected")
    with np.errstate(over="ignore"):
        values = values.astype(zero.dtype).reshape(zero.shape)
    if not np.isfinite(values).all():
        raise UserError(f"{START}: '{name}' in {file} is not finite")
    return values
