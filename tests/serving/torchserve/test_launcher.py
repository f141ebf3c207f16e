"""The launcher of TorchServe before its start: folder, model store, ports, addresses and worker threads."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.serving.torchserve.tiny_archive import archived
from torchferry.errors import UserError
from torchferry.serving.cpu import cores
from torchferry.serving.torchserve.launcher import LONGEST_FOLDER, TorchServe
from torchferry.serving.torchserve.settings import Settings
from torchferry.serving.torchserve.worker_limits import WorkerLimits


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary ones; and the Java is the package's."""
    folder = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def laid_out(*archives: Path, **given: Any) -> TorchServe:
    ports = {"port": 0, "grpc_port": 0, "metrics_port": 0}
    return TorchServe(archives, Settings(**ports | {"gateway": "none"} | given))


def test_every_archive_is_in_the_store_and_all_workers_count(tmp_path: Path) -> None:
    first = archived(tmp_path, "digits-torch", "1.0", workers=2)
    second = archived(tmp_path, "digits-torch@2.0", "2.0", workers=3)
    server = laid_out(first, second, threads=1)
    assert {path.name: path.resolve() for path in server.store.iterdir()} == {
        "digits-torch.mar": first,
        "digits-torch@2.0.mar": second,
    }
    assert server.versions == [("digits-torch", "1.0"), ("digits-torch@2.0", "2.0")]
    shared = server.worker_threads
    assert (shared.workers, shared.threads, shared.cores) == (5, 1, cores())


def test_two_versions_are_one_model(tmp_path: Path) -> None:
    archives = [archived(tmp_path / version, "digits-torch", version) for version in ("1.0", "2.0")]
    archives[1] = archives[1].rename(tmp_path / "digits-torch@2.0.mar")
    server = laid_out(*archives)
    assert (server.models, len(server.versions)) == (["digits-torch"], 2)


def test_nothing_runs_until_it_is_started_and_stopping_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    server = laid_out(archived(tmp_path))
    assert list(temporary.iterdir()) == [server.folder]
    assert server.java_process is None
    server.check_running()
    server.stop()
    assert not list(temporary.iterdir())
    assert (tmp_path / "tiny-onnx-fp32.mar").is_file()


def test_clients_ask_where_the_settings_say_and_the_gateway_on_loopback(tmp_path: Path) -> None:
    server = laid_out(archived(tmp_path), host="0.0.0.0")
    ports = server.ports
    assert server.public == {
        "rest": f"http://127.0.0.1:{ports.rest}",
        "grpc": f"127.0.0.1:{ports.grpc}",
        "metrics": f"http://127.0.0.1:{ports.page}/metrics",
        "management": f"http://127.0.0.1:{ports.management}",
    }
    assert server.url == server.public["rest"]
    tls = {"tls_certificate": Path("c.pem"), "tls_key": Path("k.pem")}
    behind = laid_out(archived(tmp_path), gateway="nginx", **tls)
    assert behind.public["rest"] == f"https://127.0.0.1:{behind.ports.rest}"
    assert behind.url == f"unix:{behind.sockets.inference}"
    both = laid_out(archived(tmp_path), gateway="nginx", host="::")
    assert both.public["rest"] == f"http://[::1]:{both.ports.rest}"
    assert both.public["metrics"] == f"http://[::1]:{both.ports.page}/metrics"


def test_workers_have_the_limits_of_the_settings(tmp_path: Path) -> None:
    given = {"max_body_bytes": 3, "max_request_batch": 4, "max_request_pixels": 5, "max_answer_bytes": 5000}
    limits = laid_out(archived(tmp_path), timeout=2, max_padding=0.25, **given).limits
    assert limits == WorkerLimits(timeout=2, body_bytes=3, samples=4, pixels=5, padding=0.25, answer_bytes=5000)


def test_commands_find_it_by_what_it_says_of_itself(tmp_path: Path) -> None:
    server = laid_out(archived(tmp_path), threads=3)
    running = server.running
    assert (running.pid, running.threads) == (os.getpid(), 3)
    assert (running.store, running.failures) == (str(server.store), str(server.failures))
    assert (running.rest, running.metrics) == (server.url, server.public["metrics"])
    assert running.key == server.key
    assert server.failures.is_dir()
    assert server.calls.is_dir()


def test_a_folder_too_long_for_sockets_is_refused_and_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / (LONGEST_FOLDER * "x")
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(UserError, match=r"^TMPDIR: /.*x is too long a path for sockets; give a shorter one$"):
        laid_out(archived(tmp_path))
    assert not list(deep.iterdir())
