"""Versions of a model beside each other in a running TorchServe: registered, asked, made the default, removed."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import urllib3

from tests.commands import run_command
from tests.server import Server
from tests.serving.keys import write_key
from tests.serving.torchserve.tiny_archive import archived
from torchferry.errors import UserError
from torchferry.serving.client import RestClient
from torchferry.serving.cpu import cores
from torchferry.serving.torchserve.models import Models
from torchferry.serving.torchserve.running_servers import RunningServer, announced

MODEL = "digits-onnx-fp32"


@pytest.fixture(scope="module")
def second(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the same model as version 2.0."""
    folder = tmp_path_factory.mktemp("second")
    done = run_command(
        "-m", "torchferry", "export", run, "--variants", "onnx-fp32", "--model-version", "2.0", "-o", folder / "bundle"
    )
    assert done.returncode == 0, done.stderr
    done = run_command("-m", "torchferry", "archive", folder / "bundle")
    assert done.returncode == 0, done.stderr
    return folder / "model-store" / f"{MODEL}.mar"


def test_where_signatures_are_required_an_unsigned_archive_is_not_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    public, store = write_key(tmp_path, "ours").with_suffix(".pub"), tmp_path / "store"
    store.mkdir()
    running = RunningServer(os.getpid(), str(store), str(tmp_path), "http://127.0.0.1:1", "", 1, "key", [str(public)])
    with announced(1, running), pytest.raises(UserError, match=r"\.mar: is not signed, and has to be"):
        Models(1).register(archived(tmp_path / "given"))
    assert not list(store.iterdir())


@pytest.fixture
def served(starts_server: None, store: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    server = Server(store / f"{MODEL}.mar", folder=tmp_path)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def models(served: Mapping[str, str], *arguments: object) -> tuple[int, str]:
    port = served["management"].rpartition(":")[2]
    done = run_command("-m", "torchferry", "models", "--management-port", port, *arguments)
    return done.returncode, done.stdout + done.stderr


def two_workers() -> str:
    """Each has the threads that one alone was given: all cores."""
    count = cores()
    threads = f"{count} thread{'s' if count > 1 else ''}"
    return f"now 2 workers, each on {threads}: {count} more than the {count} cores"


def version_of(served: dict[str, str], model: str = MODEL) -> str:
    body = json.dumps({"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}]})
    with RestClient(served["rest"]) as client:
        return str(json.loads(client.send(model, body.encode()))["model_version"])


def test_a_second_version_comes_the_default_moves_and_the_first_goes_without_a_lost_request(
    served: dict[str, str], second: Path
) -> None:
    ended, failures, seen = threading.Event(), list[str](), set[str]()

    def ask_all_the_time() -> None:
        while not ended.is_set():
            try:
                seen.add(version_of(served))
            except Exception as error:
                failures.append(repr(error))

    clients = [threading.Thread(target=ask_all_the_time) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        code, text = models(served, "register", second)
        assert (code, text) == (0, f"registered {MODEL}@2.0; it gave its golden outputs; {two_workers()}\n"), text
        assert version_of(served, f"{MODEL}/2.0") == "2.0"
        assert version_of(served) == "1.0"
        assert models(served, "scale", f"{MODEL}@2.0", 2)[0] == 0
        code, text = models(served, "remove", f"{MODEL}@1.0")
        assert (code, "is the default; make 2.0 the default first" in text) == (2, True), text
        assert models(served, "default", f"{MODEL}@2.0")[0] == 0
        assert version_of(served) == "2.0"
        code, text = models(served, "list")
        # All but the queue, in which one may stand just then.
        assert [line.split()[:-1] for line in text.splitlines()[1:]] == [
            [MODEL, "1.0", "1/1"],
            [MODEL, "2.0", "yes", "2/2"],
        ], text
        assert models(served, "remove", f"{MODEL}@1.0") == (0, f"removed {MODEL}@1.0\n")
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert not failures
    assert seen == {"1.0", "2.0"}
    with pytest.raises(UserError, match="version"):
        version_of(served, f"{MODEL}/1.0")


def test_what_cannot_be_done_is_said_in_one_line(served: dict[str, str], store: Path, tmp_path: Path) -> None:
    port = served["management"].rpartition(":")[2]
    (tmp_path / "text.mar").write_text("no archive")
    for arguments, words in (
        (("register", store / f"{MODEL}.mar"), f"{MODEL}@1.0 is registered already"),
        (("register", tmp_path / "text.mar"), "is damaged, or not an archive"),
        (("remove", f"{MODEL}@3.0"), f"{MODEL}@3.0 is not registered; there is {MODEL}@1.0"),
        (("default", MODEL), "is not of the form MODEL@VERSION"),
        (("scale", f"{MODEL}@1.0", 0), "0 workers serve nobody"),
        (("rename",), "rename"),
    ):
        code, text = models(served, *arguments)
        assert (code, words in text, len(text.splitlines())) == (2, True, 1), text
    done = run_command("-m", "torchferry", "models", "--management-port", 1, "list")
    assert (done.returncode, "no server of ours runs here" in done.stderr) == (2, True)
    assert Path(RunningServer.find(int(port)).store).is_dir()


def test_no_url_but_the_store_is_loaded_from(served: dict[str, str], store: Path) -> None:
    for url in (f"file://{store}/digits-torch.mar", "http://127.0.0.1:9/digits-torch.mar", "../digits-torch.mar"):
        answer = urllib3.request("POST", f"{served['management']}/models?url={url}")
        assert 400 <= answer.status < 500, (url, answer.data)
    assert models(served, "list")[1].count(MODEL) == 1
