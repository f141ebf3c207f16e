"""`--settings FILE`: what wins over what, and what is wrong in a file."""

import re
from argparse import Namespace
from pathlib import Path

import pytest

from tests.commands import run_command
from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.bundle.signature import add_trust
from torchferry.serving.cli.settings_file import parse
from torchferry.serving.onnx_server.settings import Settings as OnnxSettings
from torchferry.serving.torchserve.archive import main as archive
from torchferry.serving.torchserve.settings import Settings as TorchServeSettings


def up(
    folder: Path, text: str, *arguments: str, kind: type[OnnxSettings | TorchServeSettings] = OnnxSettings
) -> Namespace:
    """The options of `torchferry up` with a file that holds `text`."""
    (folder / "s.toml").write_text(text)
    parser = Parser(prog="up")
    parser.add_argument("models", nargs="*")
    kind.add_options(parser)
    add_trust(parser)
    return parse(parser, "up", ["--settings", str(folder / "s.toml"), *arguments], kind)


def test_the_command_line_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    text = '[up]\nthreads = 3\nmax_batch = 8\nmax_delay_ms = 2\ntune = true\nhost = "::1"\nready_file = "r.json"\n'
    options = up(tmp_path, text, "model", "--max-batch", "4", "--threads=0")
    assert options.models == ["model"]
    assert (options.threads, options.max_batch, options.max_delay_ms, options.sessions) == (0, 4, 2.0, 0)
    assert (options.tune, options.host, options.ready_file) == (True, "::1", Path("r.json"))
    assert OnnxSettings.of(options).max_delay_ms == 2.0


def test_a_list_of_the_command_line_is_instead_of_that_of_the_file(tmp_path: Path) -> None:
    text = '[up]\nrequire_signature = ["a.pem", "b.pem"]\n'
    assert up(tmp_path, text).require_signature == [Path("a.pem"), Path("b.pem")]
    assert up(tmp_path, text, "--require-signature", "c.pem").require_signature == [Path("c.pem")]


def test_the_tables_of_other_verbs_are_left_alone(tmp_path: Path) -> None:
    assert up(tmp_path, "[archive]\nworkers = 2\n").threads == 0
    assert up(tmp_path, "").threads == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[up]\nthread = 1", r"s\.toml: \[up\] thread: there is no such option; there are host, port,"),
        ("[up]\nsettings = 'x'", r"s\.toml: \[up\] settings: there is no such option"),
        ("[up]\nthreads = '2'", r"s\.toml: \[up\] threads: '2' is not valid; give a whole number"),
        ("[up]\nthreads = true", r"s\.toml: \[up\] threads: True is not valid; give a whole number"),
        ("[up]\nthreads = 1.5", r"s\.toml: \[up\] threads: 1\.5 is not valid; give a whole number"),
        ("[up]\nthreads = -1", r"s\.toml: \[up\] threads: -1 is not valid; give 0 or more"),
        ("[up]\ntimeout = nan", r"s\.toml: \[up\] timeout: nan is not a finite number"),
        ("[up]\ntimeout = '1'", r"s\.toml: \[up\] timeout: '1' is not valid; give a number"),
        ("[up]\ntune = 1", r"s\.toml: \[up\] tune: 1 is not valid; give true or false"),
        ("[up]\nhost = 1", r"s\.toml: \[up\] host: 1 is not valid; give a string"),
        ("[up]\nprovider = 'tpu'", r"s\.toml: \[up\] provider: 'tpu' is not valid; choose of auto, cpu, "),
        (
            "[up]\nrequire_signature = 'a'",
            r"s\.toml: \[up\] require_signature: 'a' is not valid; give a list of strings",
        ),
        (
            "[down]\nthreads = 1",
            r"s\.toml: 'down' is not a table that is read; options stand in \[up\] and \[archive\]",
        ),
        ("threads = 1", r"s\.toml: 'threads' is not a table"),
        ("[up", r"--settings: .*s\.toml is not TOML \("),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        up(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_a_wrong_value_of_the_command_line_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--max-queue: -2 is not valid; give a number above 0$"):
        up(tmp_path, "[up]\nmax_queue = -1\n", "--max-queue", "-2")


def test_what_needs_the_gateway_is_said_of_the_file(tmp_path: Path) -> None:
    text = '[up]\ngateway = "none"\ntokens = "t"\n'
    with pytest.raises(UserError, match=r"s\.toml: \[up\] tokens: is for the gateway; leave --gateway none out"):
        up(tmp_path, text, kind=TorchServeSettings)


def test_an_archive_is_made_by_a_file(bundle: Path, tmp_path: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text('[archive]\nvariants = "onnx-fp32"\nworkers = 2\nbatch_size = 4\n')
    archive([str(bundle), "--settings", str(settings), "--output", str(tmp_path / "store"), "--batch-size", "8"])
    (made,) = (tmp_path / "store").iterdir()
    done = run_command("-m", "zipfile", "-e", made, tmp_path / "content")
    assert done.returncode == 0
    config = (tmp_path / "content" / "model-config.yaml").read_text()
    assert re.findall(r"^(?:minWorkers|batchSize): (\d+)$", config, re.MULTILINE) == ["2", "8"]
    settings.write_text("[archive]\nworkers = 0\n")
    with pytest.raises(UserError, match=r"s\.toml: \[archive\] workers: 0 is not a whole number above 0"):
        archive([str(bundle), "--settings", str(settings)])


@pytest.mark.parametrize("runtime", ["onnx", "torchserve"])
def test_a_wrong_file_ends_the_command_with_2_and_one_line(bundle: Path, tmp_path: Path, runtime: str) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text("[up]\nmax_queue = 0\n")
    done = run_command("-m", "torchferry", "up", "--runtime", runtime, bundle, "--settings", settings)
    assert done.returncode == 2
    assert done.stderr == f"torchferry: {settings}: [up] max_queue: 0 is not valid; give a number above 0\n"
    done = run_command("-m", "torchferry", "up", "--runtime", runtime, bundle, "--settings", tmp_path / "none")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
