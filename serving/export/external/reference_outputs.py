"""Outputs that a model is known to give, from where it was made: a model that is read otherwise here is refused."""

from pathlib import Path

import numpy as np

from torchferry.errors import UserError, some
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.strings import strings
from torchferry.serving.codec.tensors import STRINGS
from torchferry.serving.export.numbered_strings import as_served
from torchferry.serving.export.reference import Reference
from torchferry.training.config.instantiate import one_line

NUMBERS, TEXTS = "biuf", "US"
"""Kinds of numpy's."""
ALLOWED = 1e-3
"""Of an output's largest value, as for a variant in float32; whole numbers are equal."""


def check_reference_outputs(reference: Reference, path: Path) -> None:
    """`path` is an .npz of [samples, ...] by the outputs' names, for the evaluation samples in their order. Raises
    UserError for one that has no such arrays, and where the model gives something else."""
    known = _read(path, reference)
    place = 0
    for inputs, _ in reference.test.batches():
        given = as_served(reference.run(inputs), reference.outputs)
        size = len(next(iter(given.values())))
        for name, values in known.items():
            _compare(name, given[name], values[place : place + size], place, _scale(values))
        place += size
    for name, values in known.items():
        if len(values) != place:
            raise UserError(f"--reference: '{name}' has {len(values)} samples, and --eval-data has {place}")


def _read(path: Path, reference: Reference) -> dict[str, np.ndarray]:
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"--reference: {path} is no file; an .npz of plain arrays is expected")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(f"--reference: {path} is no .npz of plain arrays ({one_line(error)})") from error
    names = [spec.name for spec in reference.outputs]
    if missing := [name for name in names if name not in arrays]:
        raise UserError(f"--reference: {path} has {some(list(arrays)) or 'no array'}, but no '{missing[0]}'")
    for spec in reference.outputs:
        if arrays[spec.name].shape[1:] != spec.shape[1:]:
            wanted = ["samples", *map(str, spec.shape[1:])]
            shape = list(arrays[spec.name].shape)
            raise UserError(f"--reference: '{spec.name}' in {path} is {shape}; [{', '.join(wanted)}] is expected")
    return {spec.name: _of_kind(arrays[spec.name], spec, path) for spec in reference.outputs}


def _of_kind(values: np.ndarray, spec: TensorSpec, path: Path) -> np.ndarray:
    """As the model gives them. Raises UserError for texts in place of numbers, and for other than either."""
    kinds, words = (TEXTS, "strings are") if spec.datatype == STRINGS else (NUMBERS, f"{spec.datatype} is")
    if values.dtype.kind not in kinds:
        raise UserError(f"--reference: '{spec.name}' in {path} is of {values.dtype}; {words} expected")
    return strings(values) if spec.datatype == STRINGS else values


def _compare(name: str, given: np.ndarray, wanted: np.ndarray, place: int, scale: float) -> None:
    if len(given) != len(wanted):
        return  # told once all are counted
    if given.dtype == object:
        _compare_strings(name, given, wanted, place)
        return
    allowed = ALLOWED * scale if given.dtype.kind == "f" else 0.0
    with np.errstate(invalid="ignore"):
        apart = np.where(given == wanted, 0.0, np.abs(given.astype(np.float64) - wanted.astype(np.float64)))
    if given.dtype.kind == "f":
        apart[np.isnan(given) & np.isnan(wanted)] = 0.0
    worst = apart.reshape(len(apart), -1).max(axis=1, initial=0.0)
    if not (worst <= allowed).all():
        sample = int(np.argmax(~(worst <= allowed)))
        raise UserError(f"--reference: '{name}' of sample {place + sample} differs by {worst[sample]:.3g} from what "
                        f"the model gives here, and {allowed:.2g} is allowed; is it another model, or is its input "
                        "prepared otherwise?")  # fmt: skip


def _compare_strings(name: str, given: np.ndarray, wanted: np.ndarray, place: int) -> None:
    other = np.argwhere(given != wanted)
    if len(other):
        at = tuple(other[0])
        has, known = (values[at].decode(errors="replace") for values in (given, wanted))
        raise UserError(f"--reference: '{name}' of sample {place + int(at[0])} is {known!r:.50}, and the model gives "
                        f"{has!r:.50} here; is it another model, or is its input prepared otherwise?")  # fmt: skip


def _scale(values: np.ndarray) -> float:
    if values.dtype == object:
        return 0.0
    numbers = values.astype(np.float64)
    return float(np.abs(numbers[np.isfinite(numbers)]).max(initial=0.0))
