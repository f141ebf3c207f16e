"""Rows and values of float64 the whole way: what a server answers is what the checkpoint says, to their last digits."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.asking import LENGTH, raw_tensor, tensor
from tests.serving.onnx_server.calling import infer_request, output_arrays
from tests.serving.onnx_server.in_process import Call, Line, serving_bundles
from tests.serving.torchserve.test_handler import Context
from tests.serving.wire import in_loop
from tests.training.untrained import save_untrained
from torchferry.benchmarks.load.inputs import random_inputs
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predictions_json import answer, read_request
from torchferry.serving.codec.tensors import from_raw_alone
from torchferry.serving.errors import WrongTensor
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.formats.triton import config
from torchferry.serving.export.trained import load_trained
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.grpc.service import InferenceService
from torchferry.serving.onnx_server.http.rest import Rest
from torchferry.serving.session import check_golden, open_variant
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source
from torchferry.training.models.saved import load_model

pytestmark = pytest.mark.slow
START, VARIANTS = 1700000000.25, ["torch", "onnx-fp32", "onnx-fp16", "onnx-int8"]
ROWS = START + np.array([[0.0], [1], [2], [998]])
EXACT = ["torch", "onnx-fp32"]


def saved(folder: Path) -> Path:
    """A run of seconds in and seconds out; its network has learnt nothing, which is as exact as any."""
    seconds = [START + n for n in range(1000)]
    data = Component(name="table", args={"columns": {"t": seconds, "due": seconds}, "target": "due"})
    source: Source = build(data, SOURCES, "data.source")
    network = Component(name="mlp", args={"widths": [1, 32, 32, 1]})
    torch.manual_seed(0)
    save_untrained(folder, source, data, network)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("values") / "run")


@pytest.fixture(scope="module")
def seconds(run: Path) -> Bundle:
    return export(load_trained(run), run / "bundle", VARIANTS, {}, "1.0")


@pytest.fixture(scope="module")
def expected(run: Path) -> np.ndarray:
    """float64 [4, 1], of ROWS; they differ in their last digits alone."""
    model, _ = load_model(run)
    with torch.no_grad():
        values = model(torch.from_numpy(ROWS)).numpy()
    assert values.dtype == np.float64
    assert len(np.unique(values)) == 4
    assert 1e-3 < np.ptp(values) < 1000
    return values


def check(given: np.ndarray, expected: np.ndarray) -> None:
    """Before they were scaled back, by a standard deviation of 289 seconds, values and differences were of float32."""
    assert given.dtype == np.float64
    np.testing.assert_allclose((given - START) / 289, (expected - START) / 289, atol=1e-6, rtol=1e-6)


def test_every_variant_is_accepted_with_float64_ends(seconds: Bundle) -> None:
    assert seconds.accepted == VARIANTS
    (row,) = seconds.inputs
    assert (row.name, row.datatype, row.shape, row.allow_nan) == ("row", "FP64", (-1, 1), False)
    assert seconds.outputs == (TensorSpec(name="values", datatype="FP64", shape=(-1, 1)),)
    inputs, outputs = seconds.golden()
    assert [inputs["row"].dtype, outputs["values"].dtype] == [np.dtype(np.float64)] * 2
    for variant in seconds.accepted:
        check_golden(open_variant(seconds, variant, threads=1), seconds, variant)
    for variant in VARIANTS[1:]:
        said = config(seconds, variant)
        assert said.count("TYPE_FP64") == 2, said


@pytest.mark.parametrize("variant", EXACT)
def test_rows_as_csv_instances_and_tensors_get_the_checkpoints_values(
    seconds: Bundle, expected: np.ndarray, variant: str
) -> None:
    session = open_variant(seconds, variant, threads=1)
    lines = "".join(f"{row!r}\n" for row in ROWS[:, 0].tolist()).encode()
    for body in (lines, json.dumps({"instances": ROWS.tolist()}).encode()):
        asked = read_request(body, seconds)
        said = json.loads(answer(asked, session.run(asked.inputs), seconds, "rows"))["predictions"]
        check(np.array([[each["values"]["due"]] for each in said]), expected)
    asked = read_request(json.dumps({"inputs": [tensor("row", ROWS)]}).encode(), seconds)
    (output,) = json.loads(answer(asked, session.run(asked.inputs), seconds, "rows"))["outputs"]
    assert output["datatype"] == "FP64"
    check(np.array(output["data"]).reshape(output["shape"]), expected)
    check(session.run(from_raw_alone(ROWS.tobytes(), seconds.inputs))["values"], expected)


def test_torchserves_worker_answers_with_them(
    seconds: Bundle, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TORCHFERRY_FAILURES", raising=False)
    from torchferry.serving.torchserve.handler import Handler

    handler, context = Handler(), Context(seconds.root, [{}])
    context.model_yaml_config = {"torchferry": {"variant": "torch"}}
    handler.initialize(context)
    (said,) = handler.handle([{"body": b"%r" % ROWS[3, 0].item()}], context)
    check(np.array([[json.loads(said)["values"]["due"]]]), expected[3:])


@in_loop
async def test_the_onnx_server_answers_with_them_over_each_protocol(seconds: Bundle, expected: np.ndarray) -> None:
    async with serving_bundles(seconds, threads=1) as plane:
        line, path = Line(Rest(plane, Access(None))), "/v2/models/rows/infer"
        described = (await line.ask("/v2/models/rows", method="GET")).json
        assert described["inputs"] == [{"name": "row", "datatype": "FP64", "shape": [-1, 1]}]
        over_json = await line.ask(path, {"inputs": [tensor("row", ROWS)]})
        check(np.array(over_json.json["outputs"][0]["data"]).reshape(-1, 1), expected)
        head = json.dumps({"inputs": [raw_tensor("row", ROWS)], "parameters": {"binary_data_output": True}}).encode()
        binary = await line.ask(path, head + ROWS.tobytes(), **{LENGTH: str(len(head))})
        check(np.frombuffer(binary.body[int(binary.headers[LENGTH.lower()]) :]).reshape(-1, 1), expected)
        service = InferenceService(plane, Access(None))
        for request in (infer_request("rows", {"row": ROWS}), typed(ROWS)):
            check(output_arrays(await service.ModelInfer(request, Call()))["values"], expected)  # type: ignore[arg-type]


def typed(rows: np.ndarray) -> Any:
    request = messages.ModelInferRequest(model_name="rows")
    request.inputs.add(name="row", datatype="FP64", shape=rows.shape).contents.fp64_contents.extend(rows.ravel())
    return request


def test_a_narrower_tensor_is_refused_by_name(seconds: Bundle) -> None:
    body = json.dumps({"inputs": [tensor("row", ROWS.astype(np.float32))]}).encode()
    with pytest.raises(WrongTensor, match=r"^'row' has datatype FP32; the model takes FP64$"):
        read_request(body, seconds)


def test_random_rows_for_a_bench_are_of_the_models_datatype(seconds: Bundle) -> None:
    made: list[Mapping[str, np.ndarray]] = list(random_inputs(seconds.inputs, 2))
    assert {each["row"].dtype for each in made} == {np.dtype(np.float64)}
