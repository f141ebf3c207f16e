"""Columns as metadata tell them and as a record's JSON schema."""

import csv
import io

import jsonschema
import pytest

from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.serving.onnx_server.columns import csv_example, described, record_schema

TABLE = TableSpec(
    columns=(
        Encoder(column="age", fill=30.0),
        Encoder(column="sex", kind="category", categories=("f", "m")),
        Encoder(column="joined", kind="date"),
        Encoder(column="left", kind="date", form="%d.%m.%Y", fill=0.0),
    )
)
RECORD = {"age": 3, "sex": "f", "joined": "1970-01-02", "left": None}


def test_each_column_says_what_it_holds() -> None:
    assert described(TABLE) == [
        {"name": "age", "kind": "number", "missing": "taken"},
        {"name": "sex", "kind": "category", "missing": "refused", "categories": ["f", "m"]},
        {"name": "joined", "kind": "date", "missing": "refused", "format": "ISO 8601"},
        {"name": "left", "kind": "date", "missing": "taken", "format": "%d.%m.%Y"},
    ]


@pytest.mark.parametrize("change", [{}, {"age": None}, {"left": "02.01.1970"}, {"sex": "x"}])
def test_the_schema_takes_records(change: dict[str, object]) -> None:
    schema = record_schema(TABLE, RECORD)
    jsonschema.validate(RECORD | change, schema)
    assert schema["examples"] == [RECORD]
    assert schema["required"] == ["sex", "joined"]


@pytest.mark.parametrize("change", [{"sex": ["f"]}, {"sex": None}, {"joined": 3}, {"age": "x"}, {"agee": 3}])
def test_the_schema_refuses_what_is_no_record(change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(RECORD | change, record_schema(TABLE, None))


def test_a_category_is_told_as_servers_take_it() -> None:
    """Another one than training had is answered, with a note."""
    sex = record_schema(TABLE, None)["properties"]["sex"]
    assert sex["description"] == "one of f, m; another one counts as none of them, which the answer's notes say"
    assert (sex["type"], sex["examples"]) == (["string", "number", "boolean"], ["f", "m"])


def test_an_example_is_a_file_that_csv_reads() -> None:
    example = {"a, or b": 'say "x"', "age": None, "c": 1.5}
    assert list(csv.reader(io.StringIO(csv_example(example)))) == [["a, or b", "age", "c"], ['say "x"', "", "1.5"]]
