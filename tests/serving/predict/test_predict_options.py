"""The command line: defaults, and what means nothing."""

from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.predict.predict_options import parsed


def test_the_defaults_of_a_server() -> None:
    options = parsed(["a.png", "--model", "m"])
    wanted: dict[str, object] = {
        "inputs": ["a.png"],
        "model": "m",
        "bundle": None,
        "host": "127.0.0.1",
        "port": 8080,
        "grpc": False,
    }
    wanted |= {"grpc_port": 7070, "headers": {}, "tls": False, "ca": None, "connections": 8, "timeout": 30.0}
    wanted |= {"output": None, "format": None, "top_k": None}
    assert {name: getattr(options, name) for name in wanted} == wanted


def test_the_defaults_of_a_bundle() -> None:
    options = parsed(["-", "--bundle", "b", "-o", "x.jsonl"])
    assert (options.bundle, options.variant, options.format) == (Path("b"), "", "jsonl")
    assert options.processes >= 1


def test_a_form_of_files_has_a_folder() -> None:
    options = parsed(["a", "--model", "m", "--out", "masks", "--form", "png"])
    assert (options.output, options.format, options.form) == (Path("masks"), "png", "png")
    assert parsed(["a", "--model", "m", "-o", "x.csv"]).form == ""


def test_a_header_may_be_repeated() -> None:
    options = parsed(["a", "--model", "m", "--header", "Authorization: Bearer x", "--header", "X-A:1"])
    assert options.headers == {"Authorization": "Bearer x", "X-A": "1"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a"], "--model is missing: a model of the server; or --bundle DIR"),
        (["a", "--bundle", "b", "--grpc"], "--grpc: --bundle asks no server; leave --grpc out"),
        (["a", "--bundle", "b", "--model", "m"], "--model: --bundle asks no server"),
        (["a", "--bundle", "b", "--grpc-port", "7"], "--grpc-port: --bundle asks no server"),
        (["a", "--model", "m", "--variant", "torch"], "--variant: give it with --bundle"),
        (["a", "--model", "m", "--connections", "0"], "--connections: 0 is too small"),
        (["a", "--bundle", "b", "--processes", "-1"], "--processes: -1 is too small"),
        (["a", "--model", "m", "--top-k", "0"], "--top-k: 0 is too small"),
        (["a", "--model", "m", "--ca", "nowhere.pem"], "--ca: nowhere.pem is not a file"),
        (["a", "--model", "m", "--header", "no colon"], "--header: 'no colon' is not 'Name: value'"),
        (
            ["a", "--model", "m", "-o", "x.jsn"],
            r"--output: x\.jsn does not say in which format; did you mean \.jsonl\?",
        ),
        (["a", "--model", "m", "-o", "x"], r"--output: x does not say in which format; call it \.csv or \.jsonl"),
        (["a", "--model", "m", "-o", "x.csv", "--format", "jsonl"], r"--format: jsonl is not what x\.csv is called"),
        (["--model", "m"], "required: INPUT"),
        (["a", "--model", "m", "--format", "png"], "--format: png makes a file of each answer; give a folder for them"),
        (["a", "--model", "m", "-o", "d", "--format", "png", "--grpc"], "--format: png comes over REST; leave --grpc"),
        (["a", "--model", "m", "-o", "d", "--format", "png", "--top-k", "2"], "--top-k: a png has no ranking"),
        (["a", "--model", "m", "-o", "d", "--format", "json"], r"--format: there is no 'json'; did you mean jsonl\?"),
        (
            ["a", "--model", "m", "-o", "d", "--format", "../p"],
            r"--format: there is no '\.\./p'; it is csv, jsonl, or a",
        ),
    ],
)
def test_what_means_nothing_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(UserError, match=f"^{says}|{says}"):
        parsed(words)
