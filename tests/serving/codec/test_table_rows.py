"""Rows by the columns' names are encoded as training encodes them; what cannot be read is refused by row and column."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torchferry.serving.bundle.bundle import TensorSpec
from torchferry.serving.codec.table_rows import from_lines, from_records
from torchferry.serving.export.trained import table_of
from torchferry.training.data.source import Source
from torchferry.training.data.tables.table import table

ROWS = 300
COLUMNS = ("age", "sex", "joined", "left", "paid", "ward", "fare")
WAYS = {"ward": "category", "left": "date:%d.%m.%Y"}


def row(number: int) -> list[str]:
    """Cells of every kind; each column has gaps, said in several words."""
    day, gaps = 1 + number % 28, ("", "NA", "nan", " ", "null")
    cells = [
        ("3", "41.5", "-2e1", ".5", "+7")[number % 5],
        ("female", "male", " other ", "None of these")[number % 4],
        (f"2026-02-{day:02}", f"1969-12-31T23:59:{day:02}.25", f"2026-02-{day:02} 10:30+02:00")[number % 3],
        f"{day}.{1 + number % 12}.1999",
        ("true", "False", "TRUE")[number % 3],
        str(number % 7),
        f"{number * 1.1:.3f}",
    ]
    if number % 3 == 0 and number:
        cells[number % 7] = gaps[number % 5]
    return cells


def source_of(folder: Path, missing: str, **given: Any) -> Source:
    """Training's reader of all rows, in their order."""
    file = folder / "rows.csv"
    lines = [",".join((*COLUMNS, "y"))] + [",".join((*row(number), str(number))) for number in range(ROWS)]
    file.write_text("\n".join(lines))
    return table(path=str(file), target="y", missing=missing, test_fraction=0.0, columns_as=WAYS, **given)  # type: ignore[arg-type]


def spec_of(source: Source) -> TensorSpec:
    found = table_of(source.input, source)
    assert found
    datatype = {"float32": "FP32", "float64": "FP64"}[source.input.datatype]  # type: ignore[union-attr]
    return TensorSpec(name="row", datatype=datatype, shape=(-1, len(found.numbers)), allow_nan=True, table=found)


def seen(source: Source) -> np.ndarray:
    return source.test.tensors[0].numpy()  # type: ignore[attr-defined]


def as_json(cell: str) -> Any:
    """As a client has it whose cells have types."""
    if cell.strip() in ("", "NA", "nan", "null"):
        return None
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    try:
        return float(cell) if not cell.isdecimal() else int(cell)
    except ValueError:
        return cell


@pytest.mark.parametrize("missing", ["fill", "indicator"])
@pytest.mark.parametrize("datatype", ["float32", "float64"])
def test_rows_are_encoded_as_training_encodes_them(missing: str, datatype: str, tmp_path: Path) -> None:
    source = source_of(tmp_path, missing, datatype=datatype)
    spec, expected = spec_of(source), seen(source)
    rows, order = [row(number) for number in range(ROWS)], (4, 2, 6, 0, 5, 1, 3)
    text = [[COLUMNS[index] for index in order]] + [[cells[index] for index in order] for cells in rows]
    for delimiter in (",", ";", "\t", "|"):
        body = "\r\n".join(delimiter.join(cells) for cells in text).encode()
        np.testing.assert_array_equal(from_lines(body, spec)[0], expected)
    for read in (str, as_json):
        records = [{name: read(cell) for name, cell in zip(COLUMNS, cells, strict=True)} for cells in rows]
        found, notes = from_records(json.loads(json.dumps(records)), spec)
        np.testing.assert_array_equal(found, expected)
        assert (found.dtype, notes) == (expected.dtype, ())


def test_numbers_have_the_signs_of_the_table_that_was_trained_on(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a;b;y\n1.234,5;1;0\n2,25;?;1\n3;4;2\n")
    source = table(path=str(file), target="y", test_fraction=0.0, missing="fill", missing_words=["?"])
    spec = spec_of(source)
    body = b"b;a\n1;1.234,5\n?;2,25\n4;3\n"
    np.testing.assert_array_equal(from_lines(body, spec)[0], seen(source))
    np.testing.assert_array_equal(from_records([{"a": "1.234,5", "b": 1}], spec)[0], seen(source)[:1])
