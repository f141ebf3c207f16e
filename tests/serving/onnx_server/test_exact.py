"""The server's outputs against a bare session: bit for bit alone, to rounding in a batch."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.commands import RECIPES
from tests.server import Server
from tests.serving.onnx_server.asking import LENGTH, arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from tests.serving.seeds import INPUTS
from tests.some import some
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.session import Session, open_variant

TOGETHER = 16


@dataclass(frozen=True)
class Asked:
    """A model of the running server, and the session to compare it with."""

    addresses: Mapping[str, str]
    bundle: Bundle
    session: Session

    @property
    def path(self) -> str:
        return f"/v2/models/{self.bundle.name}/infer"

    def samples(self, count: int) -> list[dict[str, np.ndarray]]:
        """Of one sample each."""
        (spec,), random = self.bundle.inputs, np.random.default_rng(0)
        shape = (count, *spec.shape[1:])
        values = random.integers(0, 256, shape, np.uint8) if spec.decode else random.normal(size=shape)
        values = values if spec.decode else values.astype(np.float32)
        return [{spec.name: values[number : number + 1]} for number in range(count)]

    def over_json(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = [tensor(*named) for named in inputs.items()]
        return arrays(ask(self.addresses["rest"], self.path, {"inputs": given}))

    def over_binary(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = [raw_tensor(*named) for named in inputs.items()]
        head = json.dumps({"inputs": given, "parameters": {"binary_data_output": True}}).encode()
        body = head + b"".join(values.tobytes() for values in inputs.values())
        return arrays(ask(self.addresses["rest"], self.path, body, {LENGTH: str(len(head))}))

    def over_grpc(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return output_arrays(call(self.addresses["grpc"], "ModelInfer", infer_request(self.bundle.name, inputs)))


@pytest.fixture(scope="module")
def addresses(starts_server: None, seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One server with the untrained network of every recipe, which waits a little so that batches come together."""
    folder, roots = tmp_path_factory.mktemp("exact"), [seeds / recipe for recipe in INPUTS]
    options = ("--max-batch", TOGETHER, "--max-delay-ms", 100)
    server = Server(*roots, folder=folder, runtime="onnx", options=options)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(params=INPUTS)
def model(request: pytest.FixtureRequest, addresses: dict[str, str], seeds: Path) -> Asked:
    bundle = bundles.load(seeds / request.param)
    config = ask(addresses["rest"], f"/v2/models/{bundle.name}/config").json
    threads = int(config["parameters"]["threads"]["string_value"])
    return Asked(addresses, bundle, open_variant(bundle, "onnx-fp32", threads))


def test_every_recipe_of_an_older_task_is_here() -> None:
    """Answers of the others have tests of their own."""
    assert set(INPUTS) <= {path.stem for path in RECIPES.glob("*.yaml")}
    assert len(INPUTS) >= 13


def test_alone_it_is_the_same_bit_for_bit(model: Asked) -> None:
    for inputs in some(model.samples(2)):
        expected = model.session.run(inputs)
        for way in (model.over_json, model.over_binary, model.over_grpc):
            answered = way(inputs)
            assert answered.keys() == expected.keys()
            for name, values in expected.items():
                assert answered[name].shape == values.shape
                assert answered[name].tobytes() == values.tobytes(), (way.__name__, name)


def test_in_a_batch_it_is_the_same_to_the_last_digits(model: Asked) -> None:
    samples = model.samples(TOGETHER)
    before = _computed(model)
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = list(pool.map(model.over_binary, samples))
    assert _computed(model) - before < TOGETHER  # or no two of them were computed together
    for inputs, answered in zip(samples, answers, strict=True):
        for name, values in model.session.run(inputs).items():
            np.testing.assert_allclose(answered[name], values, rtol=1e-6, atol=1e-6)


def _computed(model: Asked) -> int:
    (said,) = ask(model.addresses["rest"], f"/v2/models/{model.bundle.name}/stats").json["model_stats"]
    return int(said["execution_count"])
