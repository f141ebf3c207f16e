"""The JSON of an answer to what it says of each sample."""

import pytest

from tests.serving.predict.samples import row
from torchferry.errors import ServerFault
from torchferry.serving.predict.answers import ITS_NAMES, Unanswered, each, nested, refused
from torchferry.serving.predict.sample import Sample

LABEL = {"label": "7", "probability": 0.5, "top_k": []}
OUTPUTS = {"outputs": {"kind": {"label": "car", "score": 2.5, "top_k": []}, "size": [1.0]}}


def test_one_sample_is_answered_without_a_list() -> None:
    assert each({"model": "m", **LABEL}, [row(1)]) == [LABEL]
    assert each({"model": "m", "values": {"y": 1.0}}, [row(1)]) == [{"values": {"y": 1.0}}]
    assert each({"model": "m", **OUTPUTS}, [row(1)]) == [OUTPUTS]


def test_several_are_a_list() -> None:
    assert each({"model": "m", "predictions": [LABEL, LABEL]}, [row(1), row(2)]) == [LABEL, LABEL]


def test_tensors_are_cut_by_sample() -> None:
    outputs = [{"name": "y", "shape": [2, 2], "data": [1, 2, 3, 4]}, {"name": "z", "shape": [2], "data": [5, 6]}]
    assert each({"model_name": "m", "outputs": outputs}, [row(1), row(2)]) == [
        {"outputs": {"y": [1, 2], "z": 5}},
        {"outputs": {"y": [3, 4], "z": 6}},
    ]


def test_a_requests_tensors_stay_whole() -> None:
    request = Sample("a.jsonl", 1, "request", b"{}")
    outputs = [{"name": "y", "shape": [2, 1], "data": [1, 2]}]
    assert each({"outputs": outputs}, [request]) == [{"outputs": {"y": [[1], [2]]}}]


def test_a_request_about_several_samples_has_no_record() -> None:
    request = Sample("a.jsonl", 1, "request", b"{}")
    assert each({"predictions": [LABEL, LABEL]}, [request]) == [
        Unanswered("asks about 2 samples; give each of them a line of its own")
    ]


def test_what_was_assumed_stays_with_the_first() -> None:
    notes = ["column 1 is left out"]
    assert each({"predictions": [LABEL, LABEL], "notes": notes}, [row(1), row(2)]) == [{**LABEL, "notes": notes}, LABEL]
    assert each({**LABEL, "notes": notes}, [row(1)]) == [{**LABEL, "notes": notes}]


@pytest.mark.parametrize(
    "content",
    [{"predictions": [LABEL]}, LABEL, {"outputs": [{"name": "y", "shape": [1, 2], "data": [1, 2]}]}],
)
def test_another_number_of_answers_is_the_servers_fault(content: dict[str, object]) -> None:
    with pytest.raises(ServerFault):
        each(content, [row(1), row(2)])


def test_nested_lists() -> None:
    assert nested([1, 2, 3, 4, 5, 6], [1, 3, 2]) == [[[1, 2], [3, 4], [5, 6]]]
    assert nested([7], []) == 7


@pytest.mark.parametrize(
    ("names", "said", "why"),
    [
        ("a,b\n", "m answered 422: line 2: column 'a' is 'x'", "m answered 422: column 'a' is 'x'"),
        ("a,b\n", "line 1: there is no column 'b'", f"line 1: there is no column 'b' ({ITS_NAMES})"),
        ("", "line 1: has 3 cells", "has 3 cells"),
    ],
)
def test_a_refused_row_has_the_place_in_its_file_and_not_in_the_body(names: str, said: str, why: str) -> None:
    assert refused(row(7, "x,1", names), said) == Unanswered(why)
    assert refused(Sample("a.json", 1, "instance", b"{}"), said, fault=True) == Unanswered(said, fault=True)
