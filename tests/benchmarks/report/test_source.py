"""Reading a report's sources: run folders, bundles and result files, each once, without passwords."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.report.written import a_servers
from torchferry.benchmarks.report.source import blamed, read, without_passwords
from torchferry.contract.tasks.classes import Classification
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec


def a_run(folder: Path, *lines: dict[str, Any]) -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.yaml").touch()
    (folder / "config.yaml").write_text("name: digits\n")
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def a_bundle(folder: Path) -> Path:
    folder.mkdir()
    nothing: dict[str, Any] = {name: {} for name in ("reference", "variants", "skipped", "provenance", "files")}
    about: dict[str, Any] = {"name": "digits", "version": "1.0", "task": Classification()}
    output = TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2))
    made = Bundle(root=folder, inputs=(), outputs=(output,), **about, **nothing)
    bundles.write(made)
    return folder


def test_each_path_is_taken_for_what_it_is(tmp_path: Path) -> None:
    run, bundle, result = a_run(tmp_path / "run"), a_bundle(tmp_path / "bundle"), a_servers(tmp_path)
    found = read([result, bundle, run])
    assert [one.path for one in found.runs] == [run]
    assert [one.root for one in found.bundles] == [bundle]
    assert [(one.path, one.verb) for one in found.results] == [(result, "servers")]
    assert (found.runs[0].config, found.runs[0].predictions) == ("name: digits\n", None)


def test_a_run_brings_its_bundle_and_nothing_is_read_twice(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    bundle = a_bundle(run / "bundle")
    (tmp_path / "link").symlink_to("run")
    assert [one.root for one in read([run]).bundles] == [bundle]
    found = read([run, run, tmp_path / "link", bundle])
    assert ([one.path for one in found.runs], [one.root for one in found.bundles]) == ([run], [bundle])


def test_a_step_that_was_said_again_counts_once_as_said_last(tmp_path: Path) -> None:
    said = [("train", 2, 0.2), ("train", 1, 0.1), ("test", 1, 9.0), ("train", 2, 0.5), ("other", 3, 0.0)]
    lines = [{"kind": kind, "step": step, "loss": loss} for kind, step, loss in said]
    (run,) = read([a_run(tmp_path / "run", *lines)]).runs
    assert [(line["step"], line["loss"]) for line in run.train] == [(1, 0.1), (2, 0.5)]
    assert [line["loss"] for line in run.test] == [9.0]


def test_a_run_that_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    (run / "config.yaml").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"metrics\.jsonl or config\.yaml is not text"):
        read([run])
    (run / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"config\.yaml: cannot be read \(No such file"):
        read([run])
    with pytest.raises(UserError, match="nowhere: does not exist; give run folders, bundles and files"):
        read([tmp_path / "nowhere"])


def test_a_files_fault_is_one_short_line_with_its_name() -> None:
    with pytest.raises(UserError) as caught, blamed(Path("a.json")):
        raise KeyError("x" * 500)
    assert str(caught.value).startswith("a.json: is not as this version of torchferry writes it (KeyError: 'xxx")
    assert len(str(caught.value)) < 300
    with pytest.raises(UserError, match="ValueError: first") as caught, blamed(Path("a.json")):
        raise ValueError("first\nsecond")
    assert "second" not in str(caught.value)


def test_our_own_mistake_is_not_the_files() -> None:
    with pytest.raises(AssertionError), blamed(Path("a.json")):
        raise AssertionError


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("s3://me:s3cret@host/a", "s3://…@host/a"),
        ("a http://me:p@s3cret@host b https://token@other", "a http://…@host b https://…@other"),
        ("https://host/a@b", "https://host/a@b"),
        ("me@host", "me@host"),
    ],
)
def test_passwords_are_left_out_of_addresses(text: str, left: str) -> None:
    assert without_passwords(text) == left
