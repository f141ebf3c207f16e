"""The Prometheus metrics and the readiness of a running TorchServe."""

from pathlib import Path

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import load
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.codec.predicted_labels import GOLDEN

MODEL = "digits-torch"


def values(addresses: dict[str, str]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = urllib3.request("GET", addresses["metrics"]).data.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labels(**more: str) -> frozenset[tuple[str, str]]:
    return frozenset({"model": MODEL, "version": "1.0", **more}.items())


def test_every_call_is_counted_once_with_its_stages(addresses: dict[str, str], samples: Path) -> None:
    image = next(samples.glob("*/*.png")).read_bytes()
    before = values(addresses)
    with RestClient(addresses["rest"]) as rest, GrpcClient(addresses["grpc"]) as grpc:
        for client in (rest, grpc, grpc):
            client.predict(MODEL, image)
        for client in (rest, grpc):
            with pytest.raises(UserError):
                client.predict(MODEL, b"not an image")
    after = values(addresses)

    def counted(name: str, **more: str) -> float:
        key = (f"torchferry_serve_{name}", labels(**more))
        return after[key] - before.get(key, 0.0)

    for protocol, ok in (("predictions", 1), ("grpc-predictions", 2)):
        assert counted("requests_total", protocol=protocol, outcome="ok") == ok
        assert counted("requests_total", protocol=protocol, outcome="client_error") == 1
        assert counted("request_duration_seconds_count", protocol=protocol) == ok + 1
    assert counted("decode_duration_seconds_count") == 5
    assert counted("encode_duration_seconds_count") == 5
    assert counted("inference_duration_seconds_count") == 3
    assert counted("batch_size_sum") == 3


def test_predictions_are_counted_by_label_and_those_of_a_readiness_check_are_not(
    addresses: dict[str, str], samples: Path, bundle: Path
) -> None:
    shares = load(bundle).label_shares
    before = values(addresses)
    image = next((samples / "7").iterdir()).read_bytes()
    inputs, _ = load(bundle).golden()
    with RestClient(addresses["rest"]) as rest, GrpcClient(addresses["grpc"]) as grpc:
        label = rest.predict(MODEL, image)["label"]
        assert grpc.predict(MODEL, image)["label"] == label
        with pytest.raises(UserError):
            rest.predict(MODEL, b"not an image")
    with RestClient(addresses["rest"], headers={GOLDEN: "1"}) as rest:
        rest.infer(MODEL, inputs)
    after = values(addresses)
    for key, share in shares.items():
        counter = ("torchferry_serve_predictions_total", labels(head="", label=key))
        assert after[counter] - before[counter] == 2 * (key == label)
        assert after["torchferry_serve_training_label_ratio", labels(head="", label=key)] == pytest.approx(
            share, abs=1e-5
        )


def test_what_torchserve_does_not_say_is_there_beside_what_it_says(addresses: dict[str, str]) -> None:
    now = values(addresses)
    assert now["torchferry_serve_workers", labels()] == now["torchferry_serve_workers_ready", labels()] == 1
    assert now["torchferry_serve_queue_depth", labels()] == 0
    assert any(name == "ts_inference_requests_total" for name, _ in now)


def test_it_is_ready_while_every_model_answers_its_golden_input(addresses: dict[str, str]) -> None:
    page = addresses["metrics"].removesuffix("/metrics")
    answer = urllib3.request("GET", f"{page}/readyz")
    assert (answer.status, answer.json()) == (200, {"ready": True})
    assert urllib3.request("GET", f"{page}/other").status == 404
