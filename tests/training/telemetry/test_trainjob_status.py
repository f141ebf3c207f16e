"""The status of a TrainJob is posted as Kubeflow Trainer's controller takes it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.serving.certificates import write_certificate
from tests.training.telemetry.listener import listening
from tests.waiting import wait_until
from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.trainjob_status import NoTrainJobStatus, TrainJobStatus, trainjob_status

URL, CA_CERT, TOKEN = (f"KUBEFLOW_TRAINER_SERVER_{name}" for name in ("URL", "CA_CERT", "TOKEN"))
PATH = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/ml/trainjobs/digits/status"


def report(**changes: Any) -> Report:
    given: dict[str, Any] = {
        "epoch": 2,
        "step": 30,
        "loss": 0.123456789,
        "learning_rate": 0.01,
        "gradient_norm": 1.0,
        "samples_per_second": 1000.0,
        "step_seconds": [0.1],
        "data_wait_ratio": [0.0],
        "forward_seconds": [0.1],
        "corrupt": 0,
        "skipped": 0,
    }
    return Report(**given | changes)


def result(**values: float) -> Evaluation:
    return Evaluation(split="test", samples=7, corrupt=0, values=values, score=0, shown=[])


def sent(status: TrainJobStatus, *, done: bool = False) -> None:
    status.report(report())
    status.finish(done=done)


def test_the_body_is_what_the_endpoint_takes() -> None:
    stands = Progress(step=10)
    status = trainjob_status({URL: "http://127.0.0.1:1"}, stands, 40)
    status.began -= 60  # a minute ago
    stands.step = 30
    status.report(report())
    status.evaluated(result(accuracy=0.75, loss=float("nan")))
    found = status.body()
    assert list(found) == ["trainerStatus"]
    body = found["trainerStatus"]
    when = datetime.strptime(body.pop("lastUpdatedTime"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - when) < timedelta(minutes=5)
    assert body == {
        "progressPercentage": 75,
        "estimatedRemainingSeconds": 30,
        "metrics": [
            {"name": "loss", "value": "0.123457"},
            {"name": "learning_rate", "value": "0.01"},
            {"name": "epoch", "value": "2"},
            {"name": "step", "value": "30"},
            {"name": "samples_per_second", "value": "1000"},
            {"name": "eval_accuracy", "value": "0.75"},
        ],
    }
    status.finish(done=False)


def test_before_a_step_no_time_is_invented_and_a_long_name_is_cut() -> None:
    status = trainjob_status({URL: "http://127.0.0.1:1"}, Progress(step=10), 40)
    status.evaluated(result(**{"m" * 99: 1.0}))
    body = status.body()["trainerStatus"]
    assert (body["progressPercentage"], "estimatedRemainingSeconds" in body) == (25, False)
    assert body["metrics"] == [{"name": f"eval_{'m' * 59}", "value": "1"}]
    status.finish(done=False)


def test_it_is_posted_with_the_token_of_the_file_as_it_is_then(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    with listening() as server:
        status = trainjob_status({URL: server.url + PATH, TOKEN: str(token)}, Progress(), 40)
        status.report(report())
        wait_until(lambda: len(server.requests) == 1)
        token.write_text("second")
        status.finish(done=True)
    first, last = server.requests
    assert (first.method, first.path, first.headers["content-type"]) == ("POST", PATH, "application/json")
    assert [request.headers["authorization"] for request in (first, last)] == ["Bearer first", "Bearer second"]
    body = json.loads(last.body)["trainerStatus"]
    assert (body["progressPercentage"], body["estimatedRemainingSeconds"]) == (100, 0)


def test_the_certificate_has_to_be_of_the_authority_that_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    for serial, folder in enumerate((ours, other), 1):
        folder.mkdir()
        write_certificate(folder, serial)
    with listening(ours / "certificate.pem", ours / "key.pem") as server:
        for folder in (ours, other):
            sent(trainjob_status({URL: server.url + PATH, CA_CERT: str(folder / "certificate.pem")}, Progress(), 4))
    assert {request.path for request in server.requests} == {PATH}
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1
    assert f"torchferry: {URL}: 127.0.0.1: " in errors
    assert "CERTIFICATE_VERIFY_FAILED" in errors


@pytest.mark.parametrize("status", [403, 404, 422, 500])
def test_a_refusal_is_one_line_and_ends_nothing(status: int, capfd: pytest.CaptureFixture[str]) -> None:
    with listening() as server:
        server.status = status
        sent(trainjob_status({URL: server.url + PATH}, Progress(), 4))
    errors = capfd.readouterr().err
    assert errors.startswith(f"torchferry: {URL}: 127.0.0.1: answered {status} ")
    assert errors.endswith("; training goes on without\n")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("broken", [{TOKEN: "/none/token"}, {CA_CERT: "/none/ca.crt"}, {}, {URL: "nonsense"}])
def test_what_cannot_be_reached_is_one_line(broken: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    sent(trainjob_status({URL: f"https://127.0.0.1:{free_port()}{PATH}"} | broken, Progress(), 4))
    errors = capfd.readouterr().err
    assert errors.startswith(f"torchferry: {URL}: ")
    assert errors.count("\n") == 1


def test_outside_of_a_trainjob_nobody_is_told() -> None:
    silent = trainjob_status({}, Progress(), 4)
    assert isinstance(silent, NoTrainJobStatus)
    silent.evaluated(result(accuracy=1))
    sent(silent)
