"""Every datatype with its smallest and largest values, there and back, over each way to send tensors."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.asking import LENGTH, arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from tests.serving.onnx_server.made import extremes
from tests.some import some
from torchferry.serving.codec.tensors import DTYPES
from torchferry.serving.onnx_server.grpc.messages import CONTENTS

Arrays = Mapping[str, np.ndarray]
PATH = "/v2/models/mirror/infer"


def over_json(addresses: Mapping[str, str], inputs: Arrays) -> Arrays:
    return arrays(ask(addresses["rest"], PATH, {"inputs": [tensor(*named) for named in inputs.items()]}))


def over_binary(addresses: Mapping[str, str], inputs: Arrays) -> Arrays:
    described = [raw_tensor(*named) for named in inputs.items()]
    head = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(values.tobytes() for values in inputs.values())
    return arrays(ask(addresses["rest"], PATH, body, {LENGTH: str(len(head))}))


def over_grpc(addresses: Mapping[str, str], inputs: Arrays) -> Arrays:
    return output_arrays(call(addresses["grpc"], "ModelInfer", infer_request("mirror", inputs)))


@pytest.mark.parametrize("way", [over_json, over_binary, over_grpc])
def test_raw_and_as_json(several: dict[str, str], way: Callable[[Mapping[str, str], Arrays], Arrays]) -> None:
    given = extremes()
    assert given.keys() == DTYPES.keys()
    check(way(several, {f"in_{datatype}": values for datatype, values in given.items()}), given)


def test_an_answer_can_be_asked_again(several: dict[str, str]) -> None:
    """As JSON writes numbers: no more digits than tell a value of the datatype from its neighbours."""
    given = extremes()
    there = ask(several["rest"], PATH, {"inputs": [tensor(f"in_{name}", values) for name, values in given.items()]})
    mirrored = [output | {"name": output["name"].replace("out", "in")} for output in there.json["outputs"]]
    back = arrays(ask(several["rest"], PATH, {"inputs": mirrored}))
    for datatype, values in some(given.items()):
        assert back[f"out_{datatype}"].tobytes() == values.tobytes(), datatype


def test_typed_contents_over_grpc(several: dict[str, str]) -> None:
    given = {datatype: values for datatype, values in extremes().items() if datatype in CONTENTS}
    assert DTYPES.keys() - given.keys() == {"FP16"}
    check(output_arrays(call(several["grpc"], "ModelInfer", typed_request("typed", given))), given)


def test_fp16_has_no_typed_contents(several: dict[str, str]) -> None:
    with pytest.raises(grpc.RpcError, match="FP16, for which there are only raw_input_contents"):
        call(several["grpc"], "ModelInfer", typed_request("mirror", extremes()))


def typed_request(model: str, given: Arrays) -> Any:
    request = messages.ModelInferRequest(model_name=model)
    for datatype, values in given.items():
        tensor = request.inputs.add(name=f"in_{datatype}", datatype=datatype, shape=values.shape)
        getattr(tensor.contents, CONTENTS.get(datatype, "fp32_contents")).extend(values.ravel().tolist())
    return request


def check(answered: Arrays, given: Arrays) -> None:
    for datatype, values in given.items():
        mirrored = answered[f"out_{datatype}"]
        assert mirrored.dtype == values.dtype
        assert mirrored.tobytes() == values[:, ::-1].tobytes(), datatype
