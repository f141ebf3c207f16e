"""The command's help, its mistakes, and what it imports."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, run_command, run_python
from torchferry import __version__
from torchferry.command import main
from torchferry.errors import GateError, ServerFault, StoreError, StoreRefused, UserError
from torchferry.verbs import BENCH, VERBS, Verb

EVERY = {**VERBS, **{f"bench {word}": verb for word, verb in BENCH.items()}}


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["bench", "--help"]])
def test_help_lists_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"usage: {' '.join(['torchferry', *words[:-1]])} <verb>")
    for word, verb in (BENCH if words[0] == "bench" else VERBS).items():
        assert f"  {word:10} {verb.purpose}" in lines


@pytest.mark.parametrize("words", [[], ["bench"]])
def test_without_a_verb_there_is_help_and_no_success(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "usage:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"torchferry {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["exprot"], "there is no verb 'exprot' of torchferry; did you mean export?"),
        (["zzz"], "there is no verb 'zzz' of torchferry; choose one of new, "),
        (["latency"], "there is no verb 'latency'; did you mean torchferry bench latency?"),
        (["bench", "latenz"], "there is no verb 'latenz' of torchferry bench; did you mean latency?"),
        (["--config", "r.yaml"], "--config: torchferry begins with a verb; torchferry --help lists them"),
        ([""], "there is no verb ''"),
    ],
)
def test_a_wrong_verb(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (shown.out, len(shown.err.splitlines())) == ("", 1)
    assert shown.err.startswith(f"torchferry: {said}")


@pytest.mark.parametrize("words", EVERY)
def test_a_verbs_help_begins_with_an_example_of_options_that_it_knows(words: str) -> None:
    done = run_command("-m", "torchferry", *words.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    example, empty, usage, *_ = done.stdout.splitlines()
    assert example == f"example: torchferry {EVERY[words].example}"
    assert re.match(rf"{words}\b", EVERY[words].example)
    assert (empty, usage[:6]) == ("", "usage:")
    options = [word for word in EVERY[words].example.partition("  #")[0].split() if word.startswith("-")]
    assert [option for option in options if option not in done.stdout.partition("\n")[2]] == []


def ends_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def step(_: Verb) -> object:
        raise error

    monkeypatch.setattr("torchferry.command.step", step)
    return main(["export"])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("a is wrong"), 2, "torchferry: a is wrong\n"),
        (UserError("a\nb\x1b[31m\u202e.onnx is wrong"), 2, "torchferry: a\\nb\\x1b[31m\\u202e.onnx is wrong\n"),
        (GateError("refused"), 3, "torchferry: refused\n"),
        (ServerFault("it failed"), 1, "torchferry: it failed\n"),
        (StoreError(0, "not now", "s3://a"), 1, "torchferry: s3://a: not now\n"),
        (StoreRefused(0, "denied", "s3://a"), 2, "torchferry: s3://a: denied\n"),
        (OSError(28, "No space left on device", "a.onnx"), 1, "torchferry: a.onnx: No space left on device\n"),
        (OSError(36, "File name too long", "a\n"), 2, "torchferry: a\\n: File name too long\n"),
        (PermissionError(13, "Permission denied", "a"), 1, "torchferry: a: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_has_one_line_and_an_exit_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ends_with(error, monkeypatch) == code
    assert capsys.readouterr().err == said


def test_an_error_that_nobody_foresaw_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OSError(5, "Input/output error"), ZeroDivisionError()):
        with pytest.raises(type(error)):
            ends_with(error, monkeypatch)


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    command = [sys.executable, "-m", "torchferry", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141
    assert errors == ""


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["--help"], {"numpy", "argparse", "torch"}),
        (["export", "nowhere", "--nonesuch"], {"torchferry.benchmarks", "torchferry.serving.onnx_server"}),
        (["new", "--nonesuch"], {"torch", "torchferry.serving", "torchferry.benchmarks"}),
        (["describe", "--nonesuch"], {"torch", "torchferry.serving", "torchferry.benchmarks"}),
        (["evaluate", "--nonesuch"], {"torch", "torchferry.benchmarks"}),
        (["history", "nowhere", "--nonesuch"], {"torch", "torchferry.training", "torchferry.benchmarks"}),
        (["bench", "latency", "--nonesuch"], {"torch", "torchferry.training"}),
        (["render", "--nonesuch"], {"torch", "torchferry.serving", "torchferry.benchmarks"}),
    ],
)
def test_a_verb_imports_its_own_step_only(words: list[str], absent: set[str]) -> None:
    code = f"import sys; from torchferry.command import main; main({words}); print(*({absent} & sys.modules.keys()))"
    assert run_python("-c", code).stdout.splitlines()[-1:] == [""]


def test_the_program_finds_what_the_user_names_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    )
    program = Path(sys.executable).with_name("torchferry")
    command = [
        str(program),
        "export",
        "--model",
        "mine.Net",
        "--input",
        "table:3",
        "--variants",
        "onnx-fp32",
        "-o",
        "b",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b" / "model.json").is_file()


@pytest.mark.parametrize(
    ("word", "extra"), [("train", "[train]"), ("archive", "[serve]"), ("bench slo", "[bench]"), ("completion", "")]
)
def test_a_package_that_is_missing_is_named_with_what_installs_it(
    word: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: str) -> None:
        raise ModuleNotFoundError("No module named 'yaml'", name="yaml")

    monkeypatch.setattr("torchferry.command.importlib.import_module", missing)
    assert main(word.split()) == 2
    assert capsys.readouterr().err == f"torchferry: yaml is not installed; pip install 'torchferry{extra}'\n"


def test_a_working_directory_that_is_gone_is_no_traceback(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("torchferry")
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        ["bash", "-c", f"cd gone && rmdir ../gone && {program} train --config r.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


@pytest.mark.parametrize(("words", "code"), [("--version", 0), ("train --config missing.yaml", 2), ("history x", 2)])
@pytest.mark.parametrize("closed", ["1>&-", "2>&-"])
def test_a_stream_that_is_closed_changes_no_exit_code(words: str, code: int, closed: str) -> None:
    program = Path(sys.executable).with_name("torchferry")
    done = subprocess.run(["bash", "-c", f"{program} {words} {closed}"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
