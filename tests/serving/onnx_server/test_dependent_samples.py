"""A network whose samples depend on each other, exported for one at a time: each answer is that of its sample alone,
whoever asks meanwhile and however many samples a request has."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.server import Server
from tests.serving import dependent
from tests.serving.export.checks.test_independence import reference_of
from tests.serving.onnx_server.asking import arrays, ask, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.reference import Reference

MODELS = ("statistics", "attention")
CALLERS = 24


@pytest.fixture(scope="module")
def references() -> dict[str, Reference]:
    networks = (dependent.Statistics(), dependent.AcrossSamples())
    return {name: reference_of(made, name=name, max_batch=1) for name, made in zip(MODELS, networks, strict=True)}


@pytest.fixture(scope="module")
def server(
    starts_server: None, references: dict[str, Reference], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Told to put eight samples together, and to wait for them."""
    folder = tmp_path_factory.mktemp("dependent")
    roots = [export(made, folder / name, ["onnx-fp32"], {}, "1.0").root for name, made in references.items()]
    options = ("--max-batch", 8, "--max-delay-ms", 50)
    started = Server(*roots, folder=folder, runtime="onnx", options=options)
    try:
        started.wait_ready()
        yield started
    finally:
        started.stop()


@pytest.fixture
def addresses(server: Server) -> dict[str, str]:
    return server.wait_ready()


def rows(count: int) -> np.ndarray:
    """Unlike those of the evaluation, and unlike each other."""
    return np.random.default_rng(1).normal(0, np.arange(1, count + 1)[:, None], (count, 8)).astype(np.float32)


def over_rest(addresses: dict[str, str], model: str, given: np.ndarray) -> np.ndarray:
    return arrays(ask(addresses["rest"], f"/v2/models/{model}/infer", {"inputs": [tensor("row", given)]}))["scores"]


def over_grpc(addresses: dict[str, str], model: str, given: np.ndarray) -> np.ndarray:
    return output_arrays(call(addresses["grpc"], "ModelInfer", infer_request(model, {"row": given})))["scores"]


@pytest.mark.parametrize("way", [over_rest, over_grpc])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("samples", [1, 4])
def test_many_callers_each_get_the_answers_of_their_samples_alone(
    addresses: dict[str, str], references: dict[str, Reference], way: object, model: str, samples: int
) -> None:
    given = np.split(rows(CALLERS * samples), CALLERS)
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda each: way(addresses, model, each), given))  # type: ignore[operator]
    for each, answered in zip(given, answers, strict=True):
        alone = [references[model].run({"row": row[None]})["scores"] for row in each]
        np.testing.assert_allclose(answered, np.concatenate(alone), atol=1e-4)


def test_the_bundles_limit_wins_over_the_servers_and_is_said(server: Server, addresses: dict[str, str]) -> None:
    for model in MODELS:
        said = f"{model} 1.0 was exported for at most 1 sample together; --max-batch 8 is not used"
        assert said in server.log.read_text()
        assert ask(addresses["rest"], f"/v2/models/{model}/config").json["max_batch_size"] == 1
        assert ask(addresses["rest"], f"/v2/models/{model}").json["parameters"]["max_batch"] == 1
