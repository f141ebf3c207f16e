"""TorchServe with one model that has a head of each task: over REST and gRPC what the bundle says."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.server import Server
from tests.serving import tiny_tasks
from tests.serving.label_metrics import PREDICTIONS, SHARES, counts, label_metrics
from tests.serving.tiny_bundle import VARIANT
from tests.serving.tiny_tasks import PIXELS, picture_file
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.codec.predicted_labels import training_shares
from torchferry.serving.torchserve.archive import archive

MODEL = f"heads-{VARIANT}"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_tasks.written(tmp_path_factory.mktemp("tasks"), "heads")


@pytest.fixture(scope="module")
def served(starts_server: None, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("server")
    server = Server(*archive(bundle, folder / "store", [VARIANT]), folder=folder)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def test_answers_are_the_bundles_over_rest_and_grpc(served: dict[str, str], bundle: Bundle) -> None:
    """Words, arrays read back from them, and tensors."""
    file = picture_file(PIXELS[0])
    with RestClient(served["rest"]) as rest, GrpcClient(served["grpc"]) as grpc:
        assert rest.predict(MODEL, file) == grpc.predict(MODEL, file)
        for client in (rest, grpc):
            read = client.arrays(MODEL, file, bundle.task)
            for output, values in tiny_tasks.meant(bundle, 0).items():
                np.testing.assert_allclose(read[output], values, rtol=1e-6)
            tensors = client.infer(MODEL, {"picture": PIXELS})
            for output, values in bundle.golden()[1].items():
                np.testing.assert_array_equal(tensors[output], values)


def test_labels_of_every_head_are_counted(served: dict[str, str], bundle: Bundle) -> None:
    before = label_metrics(served["metrics"])
    with RestClient(served["rest"]) as client:
        client.infer(MODEL, {"picture": PIXELS})
    after = label_metrics(served["metrics"])
    assert {head for _, model, head, _ in after.samples if model == MODEL} == {"kind", "tags", "mask", "things"}
    grown = np.subtract(after.of(PREDICTIONS, MODEL, bundle), before.of(PREDICTIONS, MODEL, bundle))
    np.testing.assert_allclose(grown, counts(bundle), rtol=1e-6)
    assert after.of(SHARES, MODEL, bundle) == [*training_shares(bundle).values()]
