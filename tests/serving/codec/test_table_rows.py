"""Rows by the columns' names are encoded as training encodes them; what cannot be read is refused by row and column."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.contract.cells import CellText
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predictions_json import MAX_INSTANCES, answer, read_request
from torchferry.serving.codec.table_rows import EITHER, from_lines, from_records
from torchferry.serving.errors import NotDecodable, WrongTensor
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
    return table(path=str(file), target="y", missing=missing, test_fraction=0.0, columns_as=WAYS, **given)


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
        np.testing.assert_array_equal(from_lines(body, spec, 1000)[0], expected)
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
    np.testing.assert_array_equal(from_lines(body, spec, 1000)[0], seen(source))
    np.testing.assert_array_equal(from_records([{"a": "1.234,5", "b": 1}], spec)[0], seen(source)[:1])


AGE = Encoder(column="age", fill=30.0)
SEX = Encoder(column="sex", kind="category", categories=("female", "male"))
PASSENGERS = TableSpec(columns=(AGE, SEX))
NUMBERS = TableSpec(columns=(AGE, Encoder(column="fare")))
COUNTED = TableSpec(columns=(Encoder(column="0"), Encoder(column="1")))
FLAGGED = TableSpec(columns=(Encoder(column="age", fill=30.0, indicator=True), Encoder(column="fare")))


WHOLE = TableSpec(columns=(AGE, SEX), targets=("fare",), unread=("id",))


def bundle_of(table: TableSpec) -> Bundle:
    shape = (-1, len(table.numbers))
    row = TensorSpec(name="row", datatype="FP32", shape=shape, allow_nan=table.takes_missing, table=table)
    return described(inputs=(row,))


def read(body: Any, table: TableSpec = PASSENGERS) -> Any:
    return read_request(body.encode() if isinstance(body, str) else json.dumps(body).encode(), bundle_of(table))


RECORD = {"sex": "male", "age": 3}


@pytest.mark.parametrize(
    ("body", "form", "rows"),
    [
        (RECORD, "labels", [[3, 0, 1]]),
        ([RECORD], "predictions", [[3, 0, 1]]),
        ([RECORD, {"sex": "female"}], "predictions", [[3, 0, 1], [30, 1, 0]]),
        ({"instances": [RECORD, {"age": None, "sex": "male"}]}, "predictions", [[3, 0, 1], [30, 0, 1]]),
        ({"age": float("nan"), "sex": "male"}, "labels", [[30, 0, 1]]),
        ({"age": "3", "sex": " male "}, "labels", [[3, 0, 1]]),
        ("sex,age\nmale,3\n", "labels", [[3, 0, 1]]),
        ("sex;age\nmale;\nfemale;4\n", "labels", [[30, 0, 1], [4, 1, 0]]),
        ("sex\nmale\n", "labels", [[30, 0, 1]]),
        ("3,0,1\n", "labels", [[3, 0, 1]]),
        (",age,sex\n0,3,male\n1,4,male\n", "labels", [[3, 0, 1], [4, 0, 1]]),
        ({"instances": [[3, 0, 1]]}, "predictions", [[3, 0, 1]]),
        ({"instances": [[None, 0, 1]]}, "predictions", [[30, 0, 1]]),
        ({"instances": [{"row": [3, 0, 1]}]}, "predictions", [[3, 0, 1]]),
        (
            {"inputs": [{"name": "row", "datatype": "FP32", "shape": [1, 3], "data": [3, 0, 1]}]},
            "tensors",
            [[3, 0, 1]],
        ),
    ],
)
def test_rows_are_read_by_their_columns_names(body: Any, form: str, rows: list[list[float]]) -> None:
    request = read(body)
    assert (request.form, request.inputs["row"].tolist()) == (form, rows)


@pytest.mark.parametrize(
    ("body", "table", "rows"),
    [
        ("fare,age\n7,\n", NUMBERS, [[30, 7]]),
        ("NA,7\n", NUMBERS, [[30, 7]]),
        ("3;7\n4;8\n", NUMBERS, [[3, 7], [4, 8]]),
        ("3,7\n", FLAGGED, [[3, 0, 7]]),
        (",7\n", FLAGGED, [[30, 1, 7]]),
        ("3,0,7\n", FLAGGED, [[3, 0, 7]]),
        (",0,7\n", FLAGGED, [[30, 1, 7]]),
        ("5,6\n", COUNTED, [[5, 6]]),
        ("1,6.5\n0,1\n", COUNTED, [[1, 6.5], [0, 1]]),
        ({"1": 6, "0": 5}, COUNTED, [[5, 6]]),
    ],
)
def test_columns_that_are_all_numbers_need_no_line_of_names(body: Any, table: TableSpec, rows: Any) -> None:
    assert read(body, table).inputs["row"].tolist() == rows


@pytest.mark.parametrize("name", ["inputs", "instances", "row"])
def test_a_column_may_be_named_like_the_protocols_words(name: str) -> None:
    table = TableSpec(columns=(Encoder(column=name), Encoder(column="b")))
    for body in ({name: 1, "b": 2}, {"instances": [{name: 1, "b": 2}]}, f"b,{name}\n2,1\n"):
        assert read(body, table).inputs["row"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("body", "table", "words"),
    [
        ({"age": 3, "sexe": "male"}, PASSENGERS, "the record: there is no column 'sexe'; did you mean sex?"),
        ([RECORD, {"age": 3}], PASSENGERS, "row 2: column 'sex' is not given, and the model was trained without"),
        ([RECORD, {"age": 3, "sex": None}], PASSENGERS, "row 2: column 'sex' is missing, and the model was trained"),
        ([RECORD, {"age": "old", "sex": "male"}], PASSENGERS, "row 2: column 'age' is 'old'; a number is expected"),
        ([RECORD, [3, 0, 1]], PASSENGERS, 'row 2: is a list; an object {"age": ..., "sex": ...} is expected'),
        ({"records": [RECORD]}, PASSENGERS, "there is no column 'records'; records are sent as a list, or under"),
        ('{"age": 3, "sex": "male", "age": 4}', PASSENGERS, "an object has 'age' more than once"),
        ({"instances": [[3, "male"]]}, PASSENGERS, "fill shape [1, 3]; or give records of the columns age, sex"),
        ("fare,id\n7,1\n", WHOLE, "line 1: names no column that the model reads; they are age, sex"),
        ({"Fare": 7, "sex": "male"}, WHOLE, "there is no column 'Fare'; 'fare' is what the model predicts; leave it"),
        ("age,sex,\n3,male,x\n", PASSENGERS, "line 1: a column has no name; name it, or leave it out"),
        ("age;sex\n1,5;male\n", PASSENGERS, "is '1,5'; a number is expected, with decimal '.' and no sign between th"),
        ("age=3&sex=male", PASSENGERS, "line 1: there is no column 'age=3&sex=male'"),
        (" \n\n", PASSENGERS, "the body has no lines; the model takes the columns age, sex"),
        ({}, PASSENGERS, "the record: column 'sex' is not given"),
        ([], PASSENGERS, "the body has 0 records; 1 to 1024 are taken"),
        ([RECORD] * (MAX_INSTANCES + 1), PASSENGERS, "the body has 1025 records; 1 to 1024 are taken"),
        ({"age": 1e39, "sex": "male"}, PASSENGERS, "the record: column 'age' is beyond what FP32 holds"),
        ({"instances": [RECORD, 3]}, PASSENGERS, "row 2: is 3; an object"),
        ("", PASSENGERS, "the body has no lines; the model takes the columns age, sex"),
        ("age,sexe\n3,male", PASSENGERS, "line 1: there is no column 'sexe'; did you mean sex?"),
        ("a,b\nc,d", PASSENGERS, "line 1: there is no column 'a'; the columns are age, sex"),
        ("age\n3\n", PASSENGERS, "line 1: column 'sex' is not given"),
        ("age,sex,age\n3,male,4", PASSENGERS, "line 1: names column 'age' more than once"),
        ("age,sex\n", PASSENGERS, "line 1: names the columns, and no row follows it"),
        ("age,sex\n3,male\n4\n", PASSENGERS, "line 3: has 1 cells; 2 are expected: age, sex"),
        ("age,sex\n\n3,male\n4,\n", PASSENGERS, "line 4: column 'sex' is missing"),
        ("3,male\n", PASSENGERS, "line 1: names no column, which is needed where not all are numbers"),
        ({}, TableSpec(columns=(AGE,)), "the record: is empty; give one column or more of age"),
        ([{"age": 1}, {}], TableSpec(columns=(AGE,)), "row 2: is empty; give one"),
        (",0,1\n0,3,4\n", COUNTED, "line 1: ',0,1' may be the columns' names or a row"),
        ("1,0\n", COUNTED, "line 1: '1,0' may be the columns' names or a row; send records as JSON"),
        ("1,2,3\n", NUMBERS, "line 1: has 3 cells; 2 are expected: age, fare"),
        ("1,x\n", NUMBERS, "line 1: column 'fare' is 'x'; a number is expected"),
        ("1,\n", NUMBERS, "line 1: column 'fare' is missing"),
        ("1,inf\n", NUMBERS, "line 1: column 'fare' is 'inf'; every number must be a finite one"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_row_and_column(body: Any, table: TableSpec, words: str) -> None:
    with pytest.raises(WrongTensor) as error:
        read(body, table)
    assert words in str(error.value)


def test_records_under_inputs_are_told_that_records_are_taken() -> None:
    for body in ({"inputs": [RECORD]}, {"inputs": [3]}):
        with pytest.raises(NotDecodable, match=r"nor a record of the columns age, sex$"):
            read(body)


@pytest.mark.parametrize("body", ["{", "[1, 2"])
def test_broken_json_is_told_that_records_are_taken(body: str) -> None:
    with pytest.raises(NotDecodable, match=r"nor a record of the columns age, sex$"):
        read(body)


def test_a_category_of_no_training_row_counts_as_none_and_is_said() -> None:
    request = read({"age": 3, "sex": "femal"})
    assert request.inputs["row"].tolist() == [[3, 0, 0]]
    note = "column 'sex': no training row has 'femal', which counts as no category; did you mean female?"
    said = json.loads(answer(request, {"probabilities": np.array([[0.25, 0.75]])}, bundle_of(PASSENGERS), "asked"))
    assert (said["label"], said["notes"]) == ("yes", [note])
    assert read(",age,sex\n0,3,male\n").notes == ("column 1, which has no name and numbers the rows, is left out",)


def test_a_file_of_training_is_taken_without_what_the_model_does_not_read() -> None:
    request = read("id,fare,sex,age\n7,71.5,male,3\n8,x,female,4\n", WHOLE)
    assert request.inputs["row"].tolist() == [[3, 0, 1], [4, 1, 0]]
    assert request.notes == (
        "column 'id' is not read by the model, and is left out",
        "column 'fare' is what the model predicts, and is left out",
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (RECORD | {"fare": 71.5}, "the record: column 'fare' is what the model predicts; leave it out"),
        ([RECORD, RECORD | {"id": 1}], "row 2: column 'id' is not read by the model; leave it out"),
        ("age,fare\n3,71.5\n", "line 1: column 'sex' is not given"),
        ("age,sex,Fares\n3,male,71.5\n", "line 1: there is no column 'Fares'"),
        ("age,sex,fare,fare\n3,male,1,2\n", "line 1: names column 'fare' more than once"),
    ],
)
def test_a_record_with_what_the_model_predicts_is_refused(body: Any, words: str) -> None:
    with pytest.raises(WrongTensor, match=f"^{words}"):
        read(body, WHOLE)


def test_numbers_that_name_the_target_as_well_may_be_a_row() -> None:
    table = TableSpec(columns=(Encoder(column="0"), Encoder(column="1")), targets=("2",))
    with pytest.raises(WrongTensor, match=f"^line 1: '0,1,2' {EITHER}"):
        read("0,1,2\n3,4,5\n", table)


def test_a_table_whose_columns_training_did_not_say_has_lines_of_numbers() -> None:
    row = TensorSpec(name="row", datatype="FP32", shape=(-1, 2), allow_nan=True)
    for body in (b"1,\n3,4", b"1;NA\n3;4"):
        np.testing.assert_array_equal(
            read_request(body, described(inputs=(row,))).inputs["row"], np.array([[1, np.nan], [3, 4]], np.float32)
        )


@pytest.mark.parametrize(
    "body",
    [{"fare": 2}, {"age": None, "fare": 2}, "fare\n2\n", "age,fare\n,2\n", "nan,2\n", {"instances": [[None, 2]]}],
)
def test_a_network_that_takes_nan_itself_gets_it(body: Any) -> None:
    table = TableSpec(columns=(Encoder(column="age"), Encoder(column="fare")), keeps_nan=True)
    np.testing.assert_array_equal(read(body, table).inputs["row"], np.array([[np.nan, 2]], np.float32))


def test_cells_are_read_with_the_words_of_the_contract() -> None:
    table = TableSpec(columns=(AGE,), text=CellText(missing_words=("?",), decimal=","))
    assert read("age\n?\n", table).inputs["row"].tolist() == [[30]]
    assert read({"age": "1,5"}, table).inputs["row"].tolist() == [[1.5]]


def test_whole_numbers_are_exact() -> None:
    row = TensorSpec(name="row", datatype="INT64", shape=(-1, 2))
    body = b"9007199254740993,-9223372036854775808\n2.0, +7"
    assert read_request(body, described(inputs=(row,))).inputs["row"].tolist() == [
        [9007199254740993, -9223372036854775808],
        [2, 7],
    ]
