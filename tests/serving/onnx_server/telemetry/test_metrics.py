"""The page that Prometheus reads: what is counted, under which names and labels, and traces as exemplars."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.calling import call, infer_request
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.telemetry.scraping import page, value
from torchferry.serving.bundle.bundle import load

INFER = "/v2/models/digits/infer"
IMAGE = np.zeros((1, 1, 8, 8), np.uint8)
BODY = {"inputs": [tensor("image", IMAGE)]}
MODEL = {"model": "digits", "version": "1.0"}
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.mark.parametrize("name", ["request", "decode", "queue", "batch_wait", "inference", "encode"])
def test_every_stage_is_a_histogram_in_seconds(served: dict[str, str], name: str) -> None:
    assert ask(served["rest"], INFER, BODY).status == 200
    labels = MODEL | ({"protocol": "rest"} if name == "request" else {})
    counted = value(served, f"{name}_duration_seconds_count", **labels)
    assert counted >= 1
    assert value(served, f"{name}_duration_seconds_bucket", **labels, le="+Inf") == counted
    assert value(served, f"{name}_duration_seconds_sum", **labels) >= 0


def test_requests_are_counted_by_protocol_and_outcome(served: dict[str, str]) -> None:
    def outcomes() -> list[float]:
        asked = [("rest", "ok"), ("rest", "client_error"), ("predictions", "client_error"), ("grpc", "ok")]
        return [value(served, "requests_total", **MODEL, protocol=kind, outcome=outcome) for kind, outcome in asked]

    before = outcomes()
    assert ask(served["rest"], INFER, BODY).status == 200
    assert ask(served["rest"], INFER, {}).status == 400
    assert ask(served["rest"], "/predictions/digits", b"no image").status == 400
    call(served["grpc"], "ModelInfer", infer_request("digits", {"image": IMAGE}))
    assert outcomes() == [number + 1 for number in before]


def test_names_that_clients_make_up_become_no_labels(served: dict[str, str]) -> None:
    assert ask(served["rest"], "/v2/models/made-up/infer", BODY).status == 404
    assert ask(served["rest"], "/v2/models/digits/versions/made-up/infer", BODY).status == 404
    text = page(served).body.decode()
    assert "made-up" not in text
    assert value(served, "requests_total", model="", version="", protocol="rest", outcome="client_error") >= 2


def test_batches_and_the_state_of_things(served: dict[str, str]) -> None:
    before = value(served, "batch_size_sum", **MODEL)
    assert ask(served["rest"], INFER, {"inputs": [tensor("image", np.repeat(IMAGE, 5, axis=0))]}).status == 200
    assert value(served, "batch_size_sum", **MODEL) == before + 5
    assert value(served, "queue_depth", **MODEL) == value(served, "in_flight", **MODEL) == 0
    assert value(served, "model_load_seconds", **MODEL) > 0
    text = page(served).body.decode()
    assert 'torchferry_serve_build_info{onnxruntime="' in text
    assert "process_resident_memory_bytes" in text


def test_predictions_are_counted_by_label_however_they_are_asked_for(
    served: dict[str, str], bundle: Path, samples: Path
) -> None:
    shares = load(bundle).label_shares
    assert list(shares) == [str(digit) for digit in range(10)]

    def counted(label: str) -> float:
        return value(served, "predictions_total", **MODEL, head="", label=label)

    before = {label: counted(label) for label in shares}
    image = next((samples / "7").iterdir()).read_bytes()
    pixels = np.asarray(Image.open(io.BytesIO(image)))[None, None]
    label = ask(served["rest"], "/predictions/digits", image).json["label"]
    assert ask(served["rest"], INFER, {"inputs": [tensor("image", np.repeat(pixels, 3, axis=0))]}).status == 200
    call(served["grpc"], "ModelInfer", infer_request("digits", {"image": pixels}))
    assert ask(served["rest"], "/predictions/digits", b"no image").status == 400
    assert {key: counted(key) - before[key] for key in shares} == {key: 5 * (key == label) for key in shares}
    for key, share in shares.items():
        assert value(served, "training_label_ratio", **MODEL, head="", label=key) == pytest.approx(share, abs=1e-5)
    assert value(served, "workers", **MODEL) == value(served, "workers_ready", **MODEL) == 1


def test_a_callers_trace_is_the_buckets_exemplar(served: dict[str, str]) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert ask(served["rest"], INFER, BODY, {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}).status == 200
    answer = page(served, **OPENMETRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")
    lines = [line for line in answer.body.decode().splitlines() if f'# {{trace_id="{trace_id}"}}' in line]
    assert lines
    assert all(line.startswith("torchferry_serve_request_duration_seconds_bucket{") for line in lines)
    assert trace_id not in page(served).body.decode()


def test_only_the_page_is_there(served: dict[str, str]) -> None:
    assert ask(served["metrics"], "/").status == 404
    assert ask(served["metrics"], "/metrics", b"").status == 405


def test_buckets_can_be_chosen(start_server: StartServer) -> None:
    addresses = start_server(options=("--buckets", "0.005,0.05,30")).wait_ready()
    assert ask(addresses["rest"], INFER, BODY).status == 200
    families = text_string_to_metric_families(page(addresses).body.decode())
    (request,) = [each for each in families if each.name == "torchferry_serve_request_duration_seconds"]
    assert [each.labels["le"] for each in request.samples if "le" in each.labels] == ["0.005", "0.05", "30.0", "+Inf"]
