"""Server and model metadata, configuration, statistics and index in the protocol's terms."""

import importlib.metadata
import json
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from tests.serving.onnx_server.in_process import model_of_session
from tests.serving.tiny_bundle import described
from tests.serving.wire import in_loop
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.onnx_server import descriptions
from torchferry.serving.onnx_server.inference import Work
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.repository import Repository
from torchferry.serving.onnx_server.models.versions import STABLE, Versions
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.telemetry.metrics import Metrics
from torchferry.serving.session.onnx_session import CPU

ROW = {"name": "row", "datatype": "FP32", "shape": [-1, 3]}
PROBABILITIES = {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}


def model(provider: str = CPU, version: str = "1.0", **settings: float) -> Model:
    session = SimpleNamespace(provider=provider)
    return model_of_session(session, Settings(**settings), described(version=version))  # type: ignore[arg-type]


def test_the_server_has_a_name_and_the_packages_version() -> None:
    said = descriptions.server(Settings())
    assert (said["name"], said["version"]) == ("torchferry", importlib.metadata.version("torchferry"))
    assert {"binary_tensor_data", "classification", "statistics"} <= set(said["extensions"])


@in_loop
async def test_the_metadata_are_the_bundles_tensors() -> None:
    said = descriptions.metadata(model(), ["1.0", "2.0"])
    assert (said["name"], said["versions"], said["platform"]) == ("tiny", ["1.0", "2.0"], "onnxruntime_onnx")
    assert (said["inputs"], said["outputs"]) == ([ROW], [PROBABILITIES])
    assert said["parameters"] == {"variant": "onnx-fp32", "task": "classification", "labels": ["no", "yes"]}


@in_loop
async def test_the_configuration_is_tritons_in_which_the_batch_is_no_dimension() -> None:
    said = descriptions.configuration(model(max_delay_ms=1.5))
    assert said["input"] == [{"name": "row", "data_type": "TYPE_FP32", "dims": [3]}]
    assert said["output"] == [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [2]}]
    assert said["max_batch_size"] == 4
    assert said["dynamic_batching"] == {"max_queue_delay_microseconds": 1500}
    values = {"threads": "3", "task": "classification", "labels": '["no", "yes"]'}
    assert said["parameters"] == {name: {"string_value": value} for name, value in values.items()}


@in_loop
async def test_labels_are_said_of_each_output_that_has_its_own() -> None:
    outputs = (TensorSpec(name="kind", datatype="FP32", shape=(-1, 2), labels=("cat", "dog")),
               TensorSpec(name="box", datatype="FP32", shape=(-1, 4)))  # fmt: skip
    session = SimpleNamespace(provider=CPU)
    served = model_of_session(session, Settings(), described(outputs=outputs, labels=()))
    said = {"kind": ["cat", "dog"]}
    assert descriptions.metadata(served, ["1.0"])["parameters"]["output_labels"] == said
    assert descriptions.metadata(served, ["1.0"])["outputs"][0].keys() == {"name", "datatype", "shape"}
    parameters = descriptions.configuration(served)["parameters"]
    assert json.loads(parameters["output_labels"]["string_value"]) == said


@in_loop
async def test_a_limit_of_the_bundle_is_said() -> None:
    session = SimpleNamespace(provider=CPU)
    one = model_of_session(session, Settings(), described(max_batch=1))
    assert descriptions.metadata(one, ["1.0"])["parameters"]["max_batch"] == 1
    assert descriptions.configuration(one)["parameters"]["max_batch"] == {"string_value": "1"}


@pytest.mark.parametrize(("provider", "kind"), [(CPU, "KIND_CPU"), ("CUDAExecutionProvider", "KIND_GPU")])
@in_loop
async def test_the_sessions_are_an_instance_group_where_they_compute(provider: str, kind: str) -> None:
    said = descriptions.configuration(model(provider))
    assert said["instance_group"] == [{"name": "onnx-fp32", "kind": kind, "count": 1}]


@in_loop
async def test_the_statistics_are_sums_in_nanoseconds() -> None:
    one = model()
    answered, failed = (RequestContext("rest") for _ in range(2))
    answered.samples, answered.decode, answered.encode = 3, 0.25, 0.125
    answered.work = Work({"row": np.zeros((3, 3))}, lambda _: None)
    answered.work.queued, answered.work.started, answered.work.finished = 10.0, 12.0, 15.0
    one.statistics.finished(answered, True)
    one.statistics.finished(failed, False)
    said = descriptions.statistics(one)
    assert (said["name"], said["version"], said["inference_count"], said["execution_count"]) == ("tiny", "1.0", 3, 0)
    assert said["last_inference"] == round(1000 * one.statistics.last_answer) > 0
    inside = said["inference_stats"]
    assert (inside["success"]["count"], inside["fail"]["count"]) == (1, 1)
    stages = {"compute_input": 0.25, "queue": 2, "compute_infer": 3, "compute_output": 0.125}
    for stage, seconds in stages.items():
        assert inside[stage] == {"count": 1, "ns": round(1e9 * seconds)}


@in_loop
async def test_the_index_has_what_failed_unless_only_the_ready_ones_are_asked_for() -> None:
    settings = Settings()
    repository = Repository(settings, Metrics(CollectorRegistry()))
    repository.models["tiny"] = Versions("tiny")
    for version in ("1.0", "2.0"):
        repository.models["tiny"].put(model(version=version), STABLE, 0.0)
    repository.absent.failures["tiny", "3.0"] = "is damaged"
    ready = [{"name": "tiny", "version": version, "state": "READY", "reason": ""} for version in ("1.0", "2.0")]
    failed = {"name": "tiny", "version": "3.0", "state": "UNAVAILABLE", "reason": "is damaged"}
    assert descriptions.index(repository, ready_only=True) == ready
    assert descriptions.index(repository) == [*ready, failed]
