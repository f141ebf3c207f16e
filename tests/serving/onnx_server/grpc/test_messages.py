"""A ModelInferRequest is read, checked and answered without a tensor changing on the way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.calling import infer_request, output_arrays
from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.tiny_bundle import written
from tests.serving.wire import in_loop
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.tensors import DTYPES
from torchferry.serving.errors import NotDecodable, RequestError, TooLarge, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.grpc.messages import read, write
from torchferry.serving.onnx_server.inference import Inference, Wanted
from torchferry.serving.onnx_server.models.model import Model

ROW = np.array([[0.25, 0.75]], np.float32)
FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Of InferTensorContents, by datatype, as the protocol has them."""
DECODE = ImageDecode(mode="L", height=1, width=2, interpolation="bilinear")


def taking(folder: Path, datatype: str = "FP32", **change: Any) -> Model:
    """A model that takes `row` of [batch, 2]."""
    row = TensorSpec(name="row", datatype=datatype, shape=(-1, 2), **change)
    return model_of_bundle(written(folder), inputs=(row,))


def typed(datatype: str, values: Any, shape: tuple[int, ...] = (1, 2)) -> Any:
    """A request with typed contents."""
    request = messages.ModelInferRequest(model_name="tiny")
    tensor = request.inputs.add(name="row", datatype=datatype, shape=shape)
    getattr(tensor.contents, FIELDS.get(datatype, "fp32_contents")).extend(values)
    return request


@in_loop
@pytest.mark.parametrize("datatype", [name for name in FIELDS if name != "BYTES"])
async def test_typed_contents_of_each_datatype_become_the_array(tmp_path: Path, datatype: str) -> None:
    values = read(typed(datatype, [0, 1]), taking(tmp_path, datatype)).inputs["row"]
    np.testing.assert_array_equal(values, np.array([[0, 1]], DTYPES[datatype]), strict=True)


@in_loop
async def test_raw_contents_become_the_array(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(infer_request("tiny", {"row": ROW}), taking(tmp_path)).inputs["row"], ROW)


def twice() -> Any:
    request = infer_request("tiny", {"row": ROW})
    request.inputs.append(request.inputs[0])
    request.raw_input_contents.append(request.raw_input_contents[0])
    return request


def one_raw_too_many() -> Any:
    request = infer_request("tiny", {"row": ROW})
    request.raw_input_contents.append(b"")
    return request


def classifying(classes: int) -> Any:
    request = infer_request("tiny", {"row": ROW})
    request.outputs.add(name="probabilities").parameters["classification"].int64_param = classes
    return request


@in_loop
@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (twice(), WrongTensor, "'row' is given twice"),
        (infer_request("tiny", {"z": ROW}), WrongTensor, "inputs are 'z'; the model takes 'row'"),
        (messages.ModelInferRequest(), WrongTensor, "the model takes 'row'"),
        (one_raw_too_many(), NotDecodable, "2 raw_input_contents for 1 inputs; give one for each, or none"),
        (typed("FP64", [1, 2]), WrongTensor, "has datatype FP64; the model takes FP32"),
        (typed("FP32", [1, 2, 3], (1, 3)), WrongTensor, r"has shape \[1, 3\]"),
        (typed("FP32", [1]), WrongTensor, r"other than FP32 numbers that fill shape \[1, 2\]"),
        (classifying(0), WrongParameter, "classification is 0; give how many classes are wanted"),
        (classifying(-1), WrongParameter, "classification is -1"),
    ],
)
async def test_a_wrong_request_is_refused_with_what_would_be_right(
    tmp_path: Path, request_: Any, error: type[RequestError], words: str
) -> None:
    with pytest.raises(error, match=words):
        read(request_, taking(tmp_path))


@in_loop
async def test_what_would_be_left_out_is_refused(tmp_path: Path) -> None:
    model = taking(tmp_path)
    both = typed("FP32", [1, 2])
    both.raw_input_contents.append(ROW.tobytes())
    with pytest.raises(WrongTensor, match=r"^'row' has contents, and there are raw_input_contents; give one of them$"):
        read(both, model)
    other = typed("FP32", [1, 2])
    other.inputs[0].contents.int_contents.extend([1, 2])
    with pytest.raises(WrongTensor, match=r"^'row' is FP32 and has int_contents; its numbers go in fp32_contents$"):
        read(other, model)
    shared, sequence, twice = infer_request("tiny", {"row": ROW}), infer_request("tiny", {"row": ROW}), classifying(2)
    shared.inputs[0].parameters["shared_memory_region"].string_param = "mine"
    sequence.parameters["sequence_id"].int64_param = 7
    twice.outputs.add(name="probabilities")
    for request, words in (
        (shared, "shared_memory_region is"),
        (sequence, "sequence_id is 7"),
        (twice, "asked for twice"),
    ):
        with pytest.raises(WrongParameter, match=words):
            read(request, model)
    raw = infer_request("tiny", {"row": ROW})
    raw.inputs[0].contents.SetInParent()  # as some clients do who send nothing in it
    np.testing.assert_array_equal(read(raw, model).inputs["row"], ROW)


@in_loop
async def test_half_precision_has_no_typed_contents(tmp_path: Path) -> None:
    with pytest.raises(WrongTensor, match="'row' is FP16, for which there are only raw_input_contents"):
        read(typed("FP16", [1, 2]), taking(tmp_path, "FP16"))


@in_loop
async def test_outputs_and_parameters_are_what_the_request_says(tmp_path: Path) -> None:
    request = classifying(2)
    request.id = "seven"
    request.parameters["timeout"].int64_param = 500_000
    request.parameters["priority"].string_param = "batch"
    asked = read(request, taking(tmp_path))
    assert asked.outputs == [Wanted("probabilities", classes=2)]
    assert (asked.id, asked.timeout, asked.interactive) == ("seven", 0.5, False)


@in_loop
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
async def test_image_files_come_typed_or_raw(tmp_path: Path, shape: tuple[int, ...]) -> None:
    model = taking(tmp_path, "UINT8", decode=DECODE)
    raw = typed("BYTES", [], shape)
    raw.raw_input_contents.append(b"\x03\0\0\0one\x02\0\0\0tw")
    assert read(raw, model).files == {"row": [b"one", b"tw"]}
    assert read(typed("BYTES", [b"one", b"tw"], shape), model).files == {"row": [b"one", b"tw"]}


@in_loop
async def test_files_of_one_input_stand_beside_the_tensor_of_another(tmp_path: Path) -> None:
    inputs = (
        TensorSpec(name="row", datatype="UINT8", shape=(-1, 2), decode=DECODE),
        TensorSpec(name="z", datatype="FP32", shape=(-1, 2)),
    )
    model = model_of_bundle(written(tmp_path), inputs=inputs)
    request = typed("BYTES", [b"one"], (1,))
    request.inputs.add(name="z", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend([1, 2])
    asked = read(request, model)
    assert (asked.files, asked.inputs["z"].tolist()) == ({"row": [b"one"]}, [[1, 2]])
    with pytest.raises(WrongTensor, match="inputs are 'row'; the model takes 'row', 'z'"):
        read(typed("BYTES", [b"one"], (1,)), model)
    request.inputs.append(request.inputs[0])
    with pytest.raises(WrongTensor, match="'row' is given twice"):
        read(request, model)
    other = typed("BYTES", [b"one"], (1,))
    other.inputs[0].name = "z"
    with pytest.raises(WrongTensor, match=r"'z' has datatype BYTES; the model takes FP32$"):
        read(other, model)


@in_loop
@pytest.mark.parametrize(("files", "shape"), [([b"one"], (2,)), ([b"one", b"two"], (1, 2)), ([], (0,))])
async def test_a_shape_that_is_not_the_number_of_image_files_is_refused(
    tmp_path: Path, files: list[bytes], shape: tuple[int, ...]
) -> None:
    with pytest.raises(WrongTensor, match=f"and holds {len(files)} image files"):
        read(typed("BYTES", files, shape), taking(tmp_path, "UINT8", decode=DECODE))


@in_loop
async def test_the_answer_says_who_gave_it_and_has_raw_outputs(tmp_path: Path) -> None:
    outputs: dict[str, np.ndarray] = {"probabilities": ROW[:, ::-1], "z": np.array([[1, 2]], np.int64)}
    response: Any = write(Inference({}, id="seven"), outputs, taking(tmp_path))
    assert (response.model_name, response.model_version, response.id) == ("tiny", "1.0", "seven")
    assert [output.datatype for output in response.outputs] == ["FP32", "INT64"]
    for name, values in output_arrays(response).items():
        np.testing.assert_array_equal(values, outputs[name])


@in_loop
async def test_very_many_elements_or_parameters_are_refused_before_they_are_taken_out(tmp_path: Path) -> None:
    model = taking(tmp_path, "UINT8", decode=DECODE)
    most = model.most_samples
    with pytest.raises(TooLarge, match=f"'row' has {most + 1} elements; {most} are allowed"):
        read(typed("BYTES", [b""] * (most + 1), (1, 1)), model)
    request = typed("UINT8", [0, 1])
    for number in range(65):
        request.inputs[0].parameters[f"mine{number}"].bool_param = True
    with pytest.raises(WrongParameter, match="there are 65 parameters; 64 are taken"):
        read(request, model)


@in_loop
async def test_a_shape_of_very_many_axes_is_refused_before_a_list_is_made_of_it(tmp_path: Path) -> None:
    request = infer_request("tiny", {"row": ROW})
    request.inputs[0].shape.extend([1] * 1_000_000)
    with pytest.raises(WrongTensor, match="'row' has 1,000,002 axes"):
        read(request, taking(tmp_path))
