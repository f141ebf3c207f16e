"""A body is read by what it is, whoever brought it, and answered in its own form."""

import base64
import io
import json
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.predictions_json import (
    MAX_INSTANCES,
    NUMBERS,
    SAMPLES,
    Request,
    answer,
    answer_pieces,
    is_long,
    read_request,
)
from torchferry.serving.codec.tensors import write_tensors
from torchferry.serving.errors import NotDecodable, TooLarge, WrongParameter, WrongTensor

TABLE = described()
WHOLE = described(inputs=(TensorSpec(name="row", datatype="UINT8", shape=(-1, 3)),))
GREY = ImageDecode(mode="L", height=2, width=2, interpolation="bilinear")
PICTURES = described(
    inputs=(TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 2, 2), decode=GREY),),
)
PAIRS = described(
    inputs=(
        TensorSpec(name="left", datatype="UINT8", shape=(-1, 1, 2, 2), decode=GREY),
        TensorSpec(name="right", datatype="UINT8", shape=(-1, 1, 1, 3), decode=replace(GREY, height=1, width=3)),
    ),
)
TWO = described(
    inputs=(
        TensorSpec(name="words", datatype="INT64", shape=(-1, 2)),
        TensorSpec(name="number", datatype="FP32", shape=(-1, 1)),
    )
)


def png(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (2, 2), grey).save(buffer, "PNG")
    return buffer.getvalue()


def instances(*samples: object) -> bytes:
    return json.dumps({"instances": samples}).encode()


def read(body: bytes, bundle: Bundle) -> Request:
    """As it is computed."""
    return read_request(body, bundle).decoded(Decoders.of(bundle))


def said(probabilities: list[list[float]], bundle: Bundle = TABLE, form: Any = "labels", **given: Any) -> Any:
    """The JSON of the answer."""
    request = Request({"row": np.zeros((len(probabilities), 3))}, form)
    return json.loads(answer(request, {bundle.outputs[0].name: np.array(probabilities)}, bundle, "asked", **given))


def test_an_image_is_asked_for_labels() -> None:
    request = read(png(7), PICTURES)
    assert (request.form, request.size) == ("labels", 1)
    np.testing.assert_array_equal(request.inputs["image"], np.full((1, 1, 2, 2), 7, np.uint8))


@pytest.mark.parametrize("body", [b"1,2,3\n4,5,6", b"1, 2.0, 3\r\n\r\n4,5,6\r\n"])
@pytest.mark.parametrize("bundle", [TABLE, WHOLE])
def test_lines_of_numbers_are_rows(body: bytes, bundle: Bundle) -> None:
    request = read(body, bundle)
    assert (request.form, request.size) == ("labels", 2)
    assert request.inputs["row"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert request.inputs["row"].dtype == (np.float32 if bundle is TABLE else np.uint8)


@pytest.mark.parametrize(
    ("body", "bundle", "kind", "words"),
    [
        (
            b"a,b,c\n1,2,3",
            TABLE,
            NotDecodable,
            "neither JSON nor lines of numbers .*so a line of names is",
        ),
        (b"\xff\xfe", TABLE, NotDecodable, "neither JSON nor lines of numbers"),
        (b"", TABLE, WrongTensor, "the body has no lines; the model takes rows of 3 numbers"),
        (b" \n\n", TABLE, WrongTensor, "the body has no lines; the model takes rows of 3 numbers"),
        (b"4,x,6", TABLE, NotDecodable, "could not convert string to float: 'x'$"),
        (b"1,2,3\n\n4,x,6", TABLE, NotDecodable, "with commas: line 3: could not convert string to float: 'x'"),
        (b"1,2,3\n4,5", TABLE, WrongTensor, "'row' has rows of different lengths"),
        (b"1,2", TABLE, WrongTensor, r"shape \[1, 2\]; the model takes \[-1, 3\]"),
        (b"1,2,3.5", WHOLE, WrongTensor, "data other than UINT8 numbers"),
        (b"1,2,300", WHOLE, WrongTensor, "values outside 0..255"),
        (b"1,2,3_000", TABLE, NotDecodable, "could not convert string to float: '3_000'"),
        (b"1,2,3_000", WHOLE, NotDecodable, "could not convert string to float: '3_000'"),
        (b"1,2,", WHOLE, WrongTensor, "data other than UINT8 numbers"),
        (b"1,2,3", TWO, NotDecodable, "tiny has several inputs, and the body is no JSON; send .*number"),
        (b"1,2,3", PICTURES, NotDecodable, "are not an image"),
        (png(7), PAIRS, NotDecodable, 'send {"instances": .{"left": {"b64": "an image .*"}, "right": {"b64": "an im'),
        (b'{"left": 1}', PAIRS, NotDecodable, 'not JSON of the form .*, nor {"instances": .{"left": {"b64"'),
        (b'{"b65": "aGk="}', PICTURES, NotDecodable, 'not JSON of the form .*, nor {"instances": .{"image": {"b64"'),
        (b'{"b64": "aGk="}', PICTURES, NotDecodable, "^'image': the 2 bytes are not an image"),
    ],
)
def test_what_is_neither_json_nor_what_the_model_takes_is_refused(
    body: bytes, bundle: Bundle, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        read(body, bundle)


def test_json_after_any_space_is_tensors() -> None:
    tensor = {"name": "row", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
    request = read(b" \n\t" + json.dumps({"inputs": [tensor]}).encode(), TABLE)
    assert (request.form, request.inputs["row"].tolist()) == ("tensors", [[1, 2, 3]])


def test_the_mark_that_windows_writes_before_json_is_passed_over() -> None:
    request = read(b'\xef\xbb\xbf{"instances": [[1, 2, 3]]}', TABLE)
    assert (request.form, request.inputs["row"].tolist()) == ("predictions", [[1, 2, 3]])


@pytest.mark.parametrize("body", [b"{", b"[1, 2", b"[]", 99999 * b"[", b'{"outputs": []}'])
def test_broken_json_is_told_the_right_form(body: bytes) -> None:
    with pytest.raises(NotDecodable, match=r'the body is not JSON of the form \{"inputs"'):
        read(body, TABLE)


def test_several_values_are_one_list() -> None:
    with pytest.raises(
        NotDecodable, match=r'"instances": \[\.\.\.\]\}; more follows its first value, and several samples'
    ):
        read(b'{"row": 1}\n{"row": 2}\n', TABLE)


@pytest.mark.parametrize("samples", [([1, 2, 3], [4, 5, 6]), ({"row": [1, 2, 3]}, {"row": [4, 5, 6]})])
def test_instances_become_one_batch(samples: tuple[object, ...]) -> None:
    request = read(instances(*samples), TABLE)
    assert (request.form, request.size) == ("predictions", 2)
    assert request.inputs["row"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_instances_of_several_inputs_go_by_name() -> None:
    samples = ({"words": [1, 2], "number": [0.5]}, {"number": [1.5], "words": [3, 4]})
    inputs = read(instances(*samples), TWO).inputs
    assert inputs["words"].tolist() == [[1, 2], [3, 4]]
    assert inputs["number"].tolist() == [[0.5], [1.5]]


@pytest.mark.parametrize("named", [False, True])
def test_image_files_in_instances_are_decoded(named: bool) -> None:
    files = [{"b64": base64.b64encode(png(grey)).decode()} for grey in (7, 9)]
    request = read(instances(*({"image": file} if named else file for file in files)), PICTURES)
    assert (request.form, request.inputs["image"][:, 0, 0, 0].tolist()) == ("predictions", [7, 9])


def test_each_of_several_pictures_becomes_its_own_size() -> None:
    left, right = ({"b64": base64.b64encode(png(grey)).decode()} for grey in (7, 9))
    request = read(instances({"right": right, "left": left}, {"left": left, "right": right}), PAIRS)
    np.testing.assert_array_equal(request.inputs["left"], np.full((2, 1, 2, 2), 7, np.uint8))
    np.testing.assert_array_equal(request.inputs["right"], np.full((2, 1, 1, 3), 9, np.uint8))


def test_one_picture_may_be_a_file_and_the_other_its_numbers() -> None:
    left = {"b64": base64.b64encode(png(7)).decode()}
    request = read(instances({"left": left, "right": [[[1, 2, 3]]]}), PAIRS)
    assert (request.inputs["left"].tolist(), request.inputs["right"].tolist()) == (
        [[[[7, 7], [7, 7]]]],
        [[[[1, 2, 3]]]],
    )


def file_tensor(name: str, *files: bytes) -> dict[str, object]:
    data = [base64.b64encode(file).decode() for file in files]
    return {"name": name, "shape": [len(files)], "datatype": "BYTES", "data": data}


def test_tensors_of_image_files_are_decoded() -> None:
    numbers = {"name": "right", "shape": [2, 1, 1, 3], "datatype": "UINT8", "data": [0] * 6}
    body = json.dumps({"inputs": [numbers, file_tensor("left", png(7), png(9))]}).encode()
    request = read(body, PAIRS)
    assert (request.form, request.inputs["left"][:, 0, 0, 0].tolist()) == ("tensors", [7, 9])


def test_more_files_than_may_be_elements_are_refused_before_they_are_unpacked() -> None:
    large = described(inputs=(TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 5000, 5000), decode=GREY),))
    body = json.dumps({"inputs": [file_tensor("image", b"1", b"2", b"3")]}).encode()
    with pytest.raises(TooLarge, match="'image' has 75,000,000 elements"):
        read(body, large)


@pytest.mark.parametrize(
    ("samples", "bundle", "kind", "words"),
    [
        ([], TABLE, WrongTensor, "'instances' is not a list of 1 to 1024 samples"),
        ([[1, 2, 3]] * (MAX_INSTANCES + 1), TABLE, WrongTensor, "'instances' is not a list of 1 to 1024 samples"),
        ([[1, 2, 3], [1, 2]], TABLE, WrongTensor, "'row' has data other than"),
        ([[1, 2, None]], TABLE, WrongTensor, r"'row' is missing \(NaN\) at \[0, 2\]; the model does not take missing"),
        ([{"row": [1, 2, 3]}, [4, 5, 6]], TABLE, WrongTensor, "has samples of different kinds"),
        ([{"column": [1, 2, 3]}], TABLE, WrongTensor, "inputs are 'column'; the model takes 'row'"),
        ([{"words": [1, 2]}], TWO, WrongTensor, "inputs are 'words'; the model takes 'words', 'number'"),
        ([[1, 2]], TWO, WrongTensor, "does not say which of the inputs its samples are; send .*words.*number"),
        ([{"words": [1, 2], "number": [0]}, [1, 2]], TWO, WrongTensor, "has samples of different kinds"),
        ([{"b64": "?"}], PICTURES, NotDecodable, "'image' of an instance is not of the form"),
        ([{"b64": 7}], PICTURES, NotDecodable, "'image' of an instance is not of the form"),
        ([{"b64": "aGk="}, 3], PICTURES, NotDecodable, "'image' of an instance is not of the form"),
        (["aGk="], PICTURES, NotDecodable, "'image' of an instance is not of the form"),
        ([{"b64": "aGk="}], PICTURES, NotDecodable, "^'image': the 2 bytes are not an image"),
        ([{"b64": "aGk="}], PAIRS, WrongTensor, "inputs are 'b64'; the model takes 'left', 'right'"),
        ([{"left": {"b64": "aGk="}}], PAIRS, WrongTensor, "inputs are 'left'; the model takes 'left', 'right'"),
        ([{"left": [0] * 4, "right": {"b64": "aGk="}}], PAIRS, NotDecodable, "^'right': the 2 bytes are not"),
        ([{"left": [0] * 4, "right": {"b64": "aGk="}}] * 2, PAIRS, NotDecodable, "^'right' of sample 0: the 2"),
        (
            [{"left": [0], "right": [0]}, {"left": {"b64": "aGk="}, "right": [0]}],
            PAIRS,
            WrongTensor,
            "'left' takes numbers, or image files for every sample",
        ),
        ([{"words": {"b64": "aGk="}, "number": [0]}], TWO, WrongTensor, "'words' takes numbers, no file"),
    ],
)
def test_wrong_instances_are_refused(samples: list[object], bundle: Bundle, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        read(instances(*samples), bundle)


def test_instances_that_are_no_list_are_refused() -> None:
    with pytest.raises(WrongTensor, match="'instances' is not a list"):
        read(b'{"instances": {"row": [1, 2, 3]}}', TABLE)


def test_one_image_or_row_is_answered_with_its_labels_and_more_with_a_list() -> None:
    yes = {"label": "yes", "probability": 0.75}
    no = {"label": "no", "probability": 0.25}
    one = yes | {"top_k": [yes, no]}
    assert said([[0.25, 0.75]]) == {"model": "asked"} | one
    assert said([[0.25, 0.75]] * 2) == {"model": "asked", "predictions": [one, one]}
    assert said([[0.25, 0.75]], form="predictions") == {"model": "asked", "predictions": [one]}


def test_of_equal_labels_the_first_are_the_best_and_five_are_told() -> None:
    many = described(labels=tuple(map(str, range(100))))
    probabilities = [[0.0] * 50 + [0.02] * 50]
    for given, told in (({}, 5), ({"top_k": 2}, 2), ({"top_k": 1000}, 100)):
        labels = [each["label"] for each in said(probabilities, many, **given)["top_k"]]
        assert labels == [str(label) for label in (*range(50, 100), *range(50))][:told]


@pytest.mark.parametrize("top_k", [0, -1])
@pytest.mark.parametrize("form", ["labels", "tensors"])
def test_no_label_at_all_cannot_be_wanted(top_k: int, form: str) -> None:
    with pytest.raises(WrongParameter, match=f"top_k is {top_k}; give how many labels are wanted, 1 or more"):
        said([[0.25, 0.75]], form=form, top_k=top_k)


def test_one_output_of_a_binary_model_is_the_probability_of_the_second_label() -> None:
    binary = described(task="binary")
    assert said([[0.75]], binary)["top_k"] == [
        {"label": "yes", "probability": 0.75},
        {"label": "no", "probability": 0.25},
    ]
    assert said([[0.25]], binary)["label"] == "no"


def test_several_labels_are_answered_with_all_probabilities() -> None:
    several = described(task="multilabel", labels=("ant", "bee", "cat"))
    some = {"labels": ["cat", "ant"], "probabilities": {"ant": 0.5, "bee": 0.25, "cat": 0.75}}
    none = {"labels": [], "probabilities": {"ant": 0.0, "bee": None, "cat": 0.25}}
    assert said([[0.5, 0.25, 0.75]], several) == {"model": "asked", **some}
    assert said([[0.5, 0.25, 0.75], [0, np.nan, 0.25]], several)["predictions"] == [some, none]


def test_a_regression_is_answered_with_a_value_for_each_output() -> None:
    regression = described(task="regression", labels=("height", "width"))
    assert said([[1.5, -2]], regression) == {"model": "asked", "values": {"height": 1.5, "width": -2}}


@pytest.mark.parametrize(("task", "form"), [("classification", "tensors"), ("tensors", "labels")])
def test_tensors_are_answered_with_tensors_and_the_version(task: str, form: str) -> None:
    output = {"name": "probabilities", "shape": [1, 2], "datatype": "FP64", "data": [0.25, 0.75]}
    expected = {"model_name": "asked", "model_version": "1.0", "outputs": [output]}
    assert said([[0.25, 0.75]], described(task=task), form) == expected


def test_outputs_with_labels_are_answered_by_name_and_tensors_with_tensors() -> None:
    kind = TensorSpec(name="kind", datatype="FP32", shape=(-1, 2), labels=("car", "bus"))
    size = TensorSpec(name="size", datatype="FP32", shape=(-1, 1))
    several = described(task="tensors", outputs=(kind, size), labels=())
    outputs = {"kind": np.array([[2.5, -1.0], [0.0, 0.5]]), "size": np.array([[3.0], [4.0]])}

    def told(form: Literal["tensors", "labels"], samples: int) -> Any:
        request = Request({"row": np.zeros((samples, 3))}, form, ("a note",))
        share = {name: values[:samples] for name, values in outputs.items()}
        return json.loads(answer(request, share, several, "asked", 1))

    car, bus = {"label": "car", "score": 2.5}, {"label": "bus", "score": 0.5}
    first = {"outputs": {"kind": {**car, "top_k": [car]}, "size": [3.0]}}
    second = {"outputs": {"kind": {**bus, "top_k": [bus]}, "size": [4.0]}}
    assert told("labels", 1) == {"model": "asked", **first, "notes": ["a note"]}
    assert told("labels", 2) == {"model": "asked", "predictions": [first, second], "notes": ["a note"]}
    assert [each["name"] for each in told("tensors", 2)["outputs"]] == ["kind", "size"]


def test_what_was_assumed_is_said_beside_tensors_too() -> None:
    request = Request({"row": np.zeros((1, 3))}, "labels", ("column 1 is left out",))
    answered = answer(request, {"probabilities": np.zeros((1, 2))}, described(task="tensors"), "asked")
    assert json.loads(answered)["notes"] == ["column 1 is left out"]


@pytest.mark.parametrize("form", ["tensors", "labels"])
def test_what_json_does_not_have_is_null(form: Literal["tensors", "labels"]) -> None:
    outputs = {"probabilities": np.array([[np.nan, np.inf]], np.float32)}
    text = answer(Request({"row": np.zeros((1, 3))}, form), outputs, TABLE, "asked")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert text.count("null") >= 2


@pytest.mark.parametrize("count", [1, SAMPLES, SAMPLES + 1, 3 * SAMPLES])
@pytest.mark.parametrize("notes", [(), ('a "note"',)])
def test_in_pieces_an_answer_is_the_same_text(count: int, notes: tuple[str, ...]) -> None:
    outputs = {"probabilities": np.linspace(0, 1, 2 * count, dtype=np.float32).reshape(count, 2)}
    outputs["probabilities"][-1] = np.nan
    said = {"notes": notes} if notes else {}
    asked = Request({"row": np.zeros((count, 3))}, "predictions", notes)
    pieces = list(answer_pieces(asked, outputs, TABLE, "m"))
    content = json.loads("".join(pieces))
    assert "".join(pieces) == json.dumps(content)
    assert (len(content["predictions"]), content.get("notes")) == (count, (said and [*notes]) or None)
    assert is_long(outputs) == (count > SAMPLES)
    tensors = list(answer_pieces(Request(asked.inputs, "tensors", notes), outputs, TABLE, "m"))
    whole = json.loads(json.dumps(write_tensors({"probabilities": np.nan_to_num(outputs["probabilities"], nan=-1)})))
    whole["outputs"][0]["data"][-2:] = [None, None]
    assert "".join(tensors) == json.dumps({"model_name": "m", "model_version": TABLE.version} | whole | said)


def test_a_long_tensor_has_several_pieces_and_an_empty_one_none() -> None:
    long, none = np.arange(2 * NUMBERS + 1, dtype=np.int64).reshape(1, -1), np.zeros((1, 0), np.float32)
    outputs: dict[str, np.ndarray] = {"long": long, "none": none}
    pieces = list(answer_pieces(Request({"row": np.zeros((1, 3))}, "tensors"), outputs, TABLE, "m"))
    assert json.loads("".join(pieces))["outputs"] == json.loads(json.dumps(write_tensors(outputs)))["outputs"]
    assert max(map(len, pieces)) <= 6 * NUMBERS
    assert is_long(outputs)


def test_a_sequence_is_told_where_state_is_kept_and_how_it_is_sent() -> None:
    tensors = write_tensors({"row": np.zeros((1, 3), np.float32)}, "inputs")
    carrying = described(state={"row": "after"})
    for bundle, words in ((TABLE, ""), (carrying, "; send 'after' of an answer as 'row' next")):
        body = json.dumps(tensors | {"parameters": {"sequence_id": 5, "sequence_start": True}}).encode()
        with pytest.raises(WrongParameter) as refused:
            read_request(body, bundle)
        kept = "state is kept by the ONNX Runtime server alone, at /v2/models/NAME/infer, with --sequences"
        assert str(refused.value) == f"sequence_id is 5; {kept}{words}"
    body = json.dumps(tensors | {"parameters": {"sequence_id": 0, "mine": 1}}).encode()
    with pytest.raises(WrongParameter, match="the body has 'parameters', which is not read"):
        read_request(body, TABLE)
