"""A finished run comes out of a store whole, or not at all."""

import re
from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.download_run import main as fetch
from torchferry.training.checkpointing.remote_run import RemoteRun

FILES = {"config.yaml": "name: digits\n", "model/model.yaml": "step: 3\n", "model/weights.safetensors": "0123"}


@pytest.fixture
def stored(tmp_path: Path) -> RemoteRun:
    """A finished run, in a store that is a folder."""
    run = tmp_path / "trained"
    for name, text in FILES.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(text)
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits", attempt=7)
    stored.put_results(run)
    return stored


def content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_fetched_as_training_left_it(
    stored: RemoteRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch([stored.url, "-o", str(tmp_path / "mine" / "digits")])
    assert content(tmp_path / "mine") == {f"digits/{name}": text for name, text in FILES.items()}
    assert capsys.readouterr().out == f"digits in {tmp_path}/mine/digits\n"


def test_without_a_folder_it_goes_where_runs_are(
    stored: RemoteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fetch([f"{stored.url}/"])
    assert content(tmp_path / "runs" / "digits") == FILES


def test_the_results_of_the_newest_attempt_are_taken(stored: RemoteRun, tmp_path: Path) -> None:
    for attempt, text, whole in (("6", "older", True), ("8", "newer", True), ("9", "unfinished", False)):
        folder = f"digits/results/{attempt}"
        stored.store.write(f"{folder}/config.yaml", text.encode())
        if whole:
            stored.store.write(f"{folder}/checksums.json", b"{}")
    (tmp_path / "newer").write_text("newer")
    results = stored.results()
    assert results is not None
    results.complete(f'{{"config.yaml": "{results.put(tmp_path / "newer", "config.yaml")}"}}')
    fetch([stored.url, "-o", str(tmp_path / "mine")])
    assert content(tmp_path / "mine") == {"config.yaml": "newer"}


@pytest.mark.parametrize(("damaged", "words"), [(b"012", "is damaged (its checksum differs)"), (None, "is missing")])
def test_of_a_damaged_run_nothing_stays(damaged: bytes | None, words: str, stored: RemoteRun, tmp_path: Path) -> None:
    name = "digits/results/7/model/weights.safetensors"
    if damaged is None:
        stored.store.remove(name)
    else:
        stored.store.write(name, damaged)
    refused = refusal(lambda: fetch([stored.url, "-o", str(tmp_path / "mine" / "digits")]))
    assert refused == f"{stored.store.url}/{name}: {words}"
    assert not list((tmp_path / "mine").iterdir())


def test_what_the_disk_refuses_is_one_line(stored: RemoteRun, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = refusal(lambda: fetch([stored.url, "-o", str(tmp_path / "file" / "digits")]))
    assert refused == f"{tmp_path}/file: cannot be made (File exists); give another with --output"


def test_another_option_is_refused() -> None:
    assert refusal(lambda: fetch([])) == (
        "the following arguments are required: url; torchferry fetch --help says more"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("file://{0}/none/digits -o {0}/new", "has no results; give the URL of a run that is finished"),
        ("file://{0}/none/digits -o {0}", "exists already and is left as it is"),
        ("digits", "'digits' is no URL"),
    ],
)
def test_a_fetch_of_what_is_not_finished_is_refused(arguments: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        fetch(arguments.format(tmp_path).split())
    assert not list(tmp_path.iterdir())
