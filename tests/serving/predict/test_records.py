"""Results as text: literally."""

import json

import pytest

from tests.serving.predict.samples import row
from torchferry.errors import UserError
from torchferry.serving.predict.answers import Answer, Unanswered
from torchferry.serving.predict.records import Csv, JsonLines, Lines, has_labels
from torchferry.serving.predict.sample import Sample

PICTURE = Sample("a.png", None, "file")
TOP = [{"label": "7", "probability": 0.98765}, {"label": "1", "probability": 0.01}]
LABELLED: Answer = {**TOP[0], "top_k": TOP}
VALUES: Answer = {"values": {"price": 3.25, "row": 7.0}}
TENSORS: Answer = {"outputs": {"mask": [[1, 0], [0, 1]], "score": 0.5}}
CAR = [{"label": "car", "score": 2.5}, {"label": "bus", "score": -1.0}]
OUTPUTS: Answer = {"outputs": {"kind": {**CAR[0], "top_k": CAR}, "error": 0.5}}
SOME: Answer = {"labels": ["cat", "labels"], "probabilities": {"ant": 0.25, "cat": 0.875, "labels": 0.75}}
NONE: Answer = {"labels": [], "probabilities": {"ant": 0.25, "cat": None, "labels": 0.5}}
HEADS: Answer = {"digit": LABELLED, "ink": {"values": {"grey": 0.25}}, "tags": SOME}
BOXES: Answer = {"objects": [{"label": "car", "score": 0.75, "box": [0, 0, 1, 1]}, {"label": "bus", "score": 0.5}]}
ODD: Answer = {"values": {"top_k": 1.0, "label": 2.0}}


@pytest.mark.parametrize(
    ("answer", "top_k", "line"),
    [
        (LABELLED, None, "7  0.9877  a.png\n"),
        (LABELLED, 2, "7  0.9877, 1  0.0100  a.png\n"),
        (VALUES, None, "price 3.25, value_row 7  a.png\n"),
        (TENSORS, None, "mask [[1, 0], [0, 1]], score 0.5  a.png\n"),
        (OUTPUTS, None, "kind: car  2.5000; error: 0.5  a.png\n"),
        (OUTPUTS, 2, "kind: car  2.5000, bus  -1.0000; error: 0.5  a.png\n"),
        (SOME, None, "cat  0.8750, labels  0.7500  a.png\n"),
        (SOME, 2, "cat  0.8750, labels  0.7500  a.png\n"),
        (NONE, None, "no label  a.png\n"),
        (BOXES, None, "car  0.7500, bus  0.5000  a.png\n"),
        ({"objects": []}, None, "no object  a.png\n"),
        (
            {"street": BOXES, "ink": VALUES},
            None,
            "street: car  0.7500, bus  0.5000; ink: price 3.25, value_row 7  a.png\n",
        ),
        ({"objects": 3}, None, "objects 3  a.png\n"),
        (ODD, None, "top_k 1, label 2  a.png\n"),
        (HEADS, None, "digit: 7  0.9877; ink: grey 0.25; tags: cat  0.8750, labels  0.7500  a.png\n"),
        (HEADS, 2, "digit: 7  0.9877, 1  0.0100; ink: grey 0.25; tags: cat  0.8750, labels  0.7500  a.png\n"),
        ({"label": "7", "probability": None}, None, "7  nan  a.png\n"),  # of an older server
        ({"label": None, "probability": None}, None, "no label  nan  a.png\n"),
        (Unanswered("no"), None, ""),
    ],
)
def test_lines_for_people(answer: Answer, top_k: int | None, line: str) -> None:
    assert Lines(top_k).record(PICTURE, answer) == line


@pytest.mark.parametrize(
    ("answer", "top_k", "said"),
    [
        (LABELLED, None, TOP[0]),
        (LABELLED, 2, LABELLED),
        (VALUES, None, VALUES),
        (TENSORS, None, TENSORS),
        (OUTPUTS, None, {"outputs": {"kind": CAR[0], "error": 0.5}}),
        (OUTPUTS, 2, OUTPUTS),
        (SOME, None, SOME),
        (ODD, None, ODD),
        (HEADS, None, HEADS | {"digit": TOP[0]}),
        (HEADS, 2, HEADS),
        (Unanswered("no"), None, {"error": "no"}),
    ],
)
def test_json_lines(answer: Answer, top_k: int | None, said: Answer) -> None:
    line = JsonLines(top_k).record(row(3), answer)
    assert line.endswith("}\n")
    assert json.loads(line) == {"source": "rows.csv", "row": 3, **said}


@pytest.mark.parametrize(
    ("answer", "top_k", "head", "line"),
    [
        (LABELLED, None, "label,probability", "7,0.98765"),
        (LABELLED, 2, "label,probability,label_2,probability_2", "7,0.98765,1,0.01"),
        (VALUES, None, "price,value_row", "3.25,7.0"),
        (TENSORS, None, "mask,score", '"[[1, 0], [0, 1]]",0.5'),
        (OUTPUTS, None, "kind:label,kind:score,value_error", "car,2.5,0.5"),
        (
            OUTPUTS,
            2,
            "kind:label,kind:score,kind:label_2,kind:score_2,value_error",
            "car,2.5,bus,-1.0,0.5",
        ),
        (SOME, 2, "labels,ant,cat,value_labels", '"[""cat"", ""labels""]",0.25,0.875,0.75'),
        (NONE, None, "labels,ant,cat,value_labels", "[],0.25,,0.5"),
        (ODD, None, "top_k,label", "1.0,2.0"),
        (
            {name: HEADS[name] for name in ("digit", "ink")},
            2,
            "digit:label,digit:probability,digit:label_2,digit:probability_2,ink:grey",
            "7,0.98765,1,0.01,0.25",
        ),
    ],
)
def test_csv(answer: Answer, top_k: int | None, head: str, line: str) -> None:
    records = Csv(top_k)
    assert records.head(answer) == f"source,row,{head},error\n"
    assert records.record(PICTURE, answer) == f"a.png,,{line},\n"
    gaps = "," * head.count(",")
    assert records.record(row(3), Unanswered("no, never")) == f'rows.csv,3,{gaps},"no, never"\n'


def test_a_record_is_one_line_whatever_is_in_it() -> None:
    records = Csv(None)
    records.head(LABELLED)
    odd = Sample("a\nb.png", None, "file")
    assert records.record(odd, {"label": "x\r\ny", "probability": 1.0}) == "a\\nb.png,,x\\r\\ny,1.0,\n"
    assert JsonLines(None).record(odd, LABELLED).count("\n") == 1
    assert Lines(None).record(odd, LABELLED).count("\n") == 1


def test_a_csv_has_one_kind_of_answers() -> None:
    records = Csv(None)
    records.head(LABELLED)
    with pytest.raises(UserError, match=r"^a\.png: is answered with mask, score, .*--format jsonl takes"):
        records.record(PICTURE, TENSORS)


@pytest.mark.parametrize(
    ("answer", "labels"),
    [(LABELLED, True), (OUTPUTS, True), (TENSORS, False), (VALUES, False), (SOME, False), (HEADS, True)],
)
def test_whether_a_model_ranks_labels(answer: Answer, labels: bool) -> None:
    assert has_labels(answer) == labels
