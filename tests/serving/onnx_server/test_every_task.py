"""A model of each task on one server: its answers are what the task says and /openapi.json has, by REST and gRPC."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tritonclient.grpc import service_pb2 as messages

from tests.server import Server
from tests.serving import tiny_tasks
from tests.serving.label_metrics import PREDICTIONS, SHARES, counts, label_metrics
from tests.serving.onnx_server.asking import arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from tests.serving.tiny_tasks import PIXELS, TASKS, picture_file
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.target import PROTOCOLS, Asked, prepare
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.codec.predicted_labels import training_shares
from torchferry.serving.predict.answers import FILE
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.sample import Sample

WORDS = [name for name in TASKS if name != "tensors"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    return tiny_tasks.written_all(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def served(
    starts_server: None, engine: str, bundles: dict[str, Bundle], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """One server with either engine of gRPC."""
    folder, roots = tmp_path_factory.mktemp("server"), [bundle.root for bundle in bundles.values()]
    server = Server(*roots, folder=folder, runtime="onnx", options=("--grpc-engine", engine))
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def described(served: dict[str, str]) -> Any:
    return ask(served["rest"], "/openapi.json").json


def check(content: Any, name: str, described: Any) -> None:
    """That it is an answer of the model's, as the description has it."""
    [answer] = described["paths"][f"/predictions/{name}"]["post"]["responses"]["200"]["content"][
        "application/json"
    ].values()
    jsonschema.Draft202012Validator({**answer, "components": described["components"]}).validate(content)


def test_the_description_is_one(described: Any) -> None:
    assert not [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()]


@pytest.mark.parametrize("name", TASKS)
def test_answers_are_as_described(served: dict[str, str], described: Any, name: str) -> None:
    files = [picture_file(each) for each in PIXELS]
    for file in files:
        check(ask(served["rest"], f"/predictions/{name}", file).json, name, described)
    for body in ({"instances": PIXELS.tolist()}, {"inputs": [tensor("picture", PIXELS)]}):
        answer = ask(served["rest"], f"/predictions/{name}", body)
        assert answer.status == 200, answer.body
        check(answer.json, name, described)
        with pytest.raises(jsonschema.ValidationError):
            check({"predictions": [{"else": 1}], "model": name}, name, described)


@pytest.mark.parametrize("name", WORDS)
def test_files_have_the_type_that_is_described(served: dict[str, str], described: Any, name: str) -> None:
    content = described["paths"][f"/predictions/{name}"]["post"]["responses"]["200"]["content"]
    files = TASKS[name].files
    assert content.keys() == {"application/json", *files.values()}
    for form, media in files.items():
        answer = ask(served["rest"], f"/predictions/{name}?form={form}", picture_file(PIXELS[0]))
        assert (answer.status, answer.headers["Content-Type"]) == (200, media)


@pytest.mark.parametrize("name", TASKS)
def test_tensors_are_the_same_over_both_protocols(
    served: dict[str, str], bundles: dict[str, Bundle], name: str
) -> None:
    """Raw and typed, and equal to what the model was exported with."""
    path, golden = f"/v2/models/{name}/infer", bundles[name].golden()[1]
    raw = infer_request(name, {"picture": PIXELS})
    typed = messages.ModelInferRequest(model_name=name)
    sent = typed.inputs.add(name="picture", datatype="UINT8", shape=PIXELS.shape)
    sent.contents.uint_contents.extend(PIXELS.ravel().tolist())
    answers = [output_arrays(call(served["grpc"], "ModelInfer", request)) for request in (raw, typed)]
    answers.append(arrays(ask(served["rest"], path, {"inputs": [tensor("picture", PIXELS)]})))
    head = json.dumps({"inputs": [raw_tensor("picture", PIXELS)], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    answers.append(arrays(ask(served["rest"], path, head + PIXELS.tobytes(), headers)))
    for answer in answers:
        assert list(answer) == list(golden)
        for output, values in golden.items():
            np.testing.assert_array_equal(answer[output], values)


@pytest.mark.parametrize("name", TASKS)
def test_the_client_reads_the_arrays_back(served: dict[str, str], bundles: dict[str, Bundle], name: str) -> None:
    task = bundles[name].task
    for place, pixels in enumerate(PIXELS):
        with RestClient(served["rest"]) as rest, GrpcClient(served["grpc"]) as grpc:
            found = [client.arrays(name, picture_file(pixels), task) for client in (rest, grpc)]
        for arrays_ in found:
            assert arrays_.keys() == set(bundles[name].golden()[1])
            for output, values in tiny_tasks.meant(bundles[name], place).items():
                np.testing.assert_allclose(arrays_[output], values, rtol=1e-6, atol=1e-7)


def test_labels_of_every_task_are_counted(served: dict[str, str], bundles: dict[str, Bundle]) -> None:
    before = label_metrics(served["metrics"])
    for name in TASKS:
        call(served["grpc"], "ModelInfer", infer_request(name, {"picture": PIXELS}))
    after = label_metrics(served["metrics"])
    watched = {name for name, task in TASKS.items() if task.counted}
    assert after.models(PREDICTIONS) == after.models(SHARES) == watched
    assert {name for name, task in TASKS.items() if not task.counted} == {"embedding", "regression", "tensors"}
    for name in watched:
        given = name, bundles[name]
        grown = np.subtract(after.of(PREDICTIONS, *given), before.of(PREDICTIONS, *given))
        np.testing.assert_allclose(grown, counts(bundles[name]), rtol=1e-6)
        assert grown.sum() > 0
        assert after.of(SHARES, *given) == [*training_shares(bundles[name]).values()]


@pytest.mark.parametrize("name", TASKS)
def test_the_load_generator_asks_every_task(served: dict[str, str], name: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture_file(PIXELS[0]))
    for protocol in PROTOCOLS:
        endpoint = parse_endpoint(served["grpc" if "grpc" in protocol else "rest"])
        for given in (None, tmp_path / "a.png") if protocol != "grpc-predictions" else (tmp_path / "a.png",):
            asked = Asked(endpoint=endpoint, model=name, version="", input=given, batch=1, timeout=60)
            assert prepare(protocol, asked).answer_bytes > 0


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.files])
def test_files_are_the_same_from_a_bundle_without_a_server(
    served: dict[str, str], bundles: dict[str, Bundle], name: str
) -> None:
    """Also of a picture that has not the network's size."""
    picture = picture_file(np.repeat(np.repeat(PIXELS[0], 3, axis=1), 2, axis=2))
    for form in TASKS[name].files:
        with RestClient(served["rest"]) as client:
            expected = client.file(name, picture, form)
        [found] = AskedBundle(bundles[name], form=form).ask([Sample("-", None, "file", picture)])
        assert found == {FILE: expected}
