"""Lines of text for a model whose inputs are columns, each of one value a sample, as pipelines of tables have them.

The first line names the inputs, in any order: nothing else says which cell is whose.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from torchferry.errors import some
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.lines import Lines, read_lines
from torchferry.serving.codec.strings import from_json
from torchferry.serving.codec.table_rows import plain_rows
from torchferry.serving.codec.tensors import STRINGS
from torchferry.serving.errors import WrongTensor


def are_columns(specs: Sequence[TensorSpec]) -> bool:
    """Several inputs, or one of strings, of one value a sample."""
    alike = all(spec.shape in ((-1,), (-1, 1)) and spec.decode is None for spec in specs)
    return alike and (len(specs) > 1 or specs[0].datatype == STRINGS)


def from_columns(body: bytes, specs: Sequence[TensorSpec], most: int) -> dict[str, np.ndarray]:
    """By input's name; at most so many lines. Raises NotDecodable, TooLarge, WrongTensor."""
    names = [spec.name for spec in specs]
    lines = read_lines(body, (len(names),), names, most + 1)
    given = lines.first if lines.cells else []
    if sorted(given) != sorted(names):
        has = f"it is '{','.join(given)[:100]}'" if given else "there is none"
        raise WrongTensor(f"the first line names the inputs {some(names)}, with commas, and {has}")
    rows = lines.behind_first
    if not rows.cells:
        raise WrongTensor("line 1 names the inputs, and no line follows it")
    for row, cells in enumerate(rows.cells):
        if len(cells) != len(names):
            has = f"{rows.place(row)}: has {len(cells)} cells"
            raise WrongTensor(f"{has}; {len(names)} are expected: {some(names)}")
    columns = {name: [cells[place] for cells in rows.cells] for place, name in enumerate(given)}
    return {spec.name: _values(columns[spec.name], rows.numbers, spec) for spec in specs}


def _values(cells: list[str], numbers: list[int], spec: TensorSpec) -> np.ndarray:
    shape = [len(cells), *spec.shape[1:]]
    if spec.datatype == STRINGS:
        return from_json(cells, shape, spec)
    column = replace(spec, shape=(-1, 1))
    return plain_rows(Lines([[cell] for cell in cells], numbers), column).reshape(shape)
