"""The machines that figures belong to, and the commands that made them, without their secrets."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.report.parsed import shown
from torchferry.benchmarks.report.environment_section import environment_section, joined_lines
from torchferry.benchmarks.report.source import Result, Sources
from torchferry.errors import UserError

MACHINE = {"processor": "x", "cores": 2, "gpus": [], "versions": {"torch": "2.9", "torchserve": None}}


def result(name: str = "one.json", command: Any = (), machine: Any = MACHINE) -> Result:
    return Result(path=Path(name), verb="latency", content={"command": command, "machine": machine}, figures={})


def test_a_machine_is_one_table_that_names_all_its_files() -> None:
    other = MACHINE | {"cores": 4, "gpus": ["A", "B"]}
    results = [result("one.json"), result("other.json", machine=other), result("two.json")]
    page = shown(environment_section(Sources(results=results)))
    assert [text for _, text in page.all("caption")] == [
        "Measured in one.json, two.json on",
        "Measured in other.json on",
    ]
    assert page.table("Measured in one.json")[1:] == [
        ["processor", "x"],
        ["cores", "2"],
        ["gpus", "none"],
        ["torch", "2.9"],
        ["torchserve", "not installed"],
    ]
    assert page.table("Measured in other.json")[3] == ["gpus", "A, B"]


def test_commands_can_be_typed_again() -> None:
    lines = joined_lines([result("one.json", ["latency", "a b", "--rate", 5]), result("two.json", ["soak"])])
    assert lines.splitlines() == [
        "# one.json",
        "torchferry bench latency 'a b' --rate 5",
        "# two.json",
        "torchferry bench soak",
    ]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--header", "Authorization: Bearer s3cret", "--model"], ["--header", "Authorization: …", "--model"]),
        (["--head=X-Key: s3cret", "next"], ["--head=X-Key: …", "next"]),
        (["--he", "--header: s3cret", "a: b"], ["--he", "--header: …", "a: b"]),
        (["https://me:s3c@s3cret@host/path"], ["https://…@host/path"]),
        (["--url=grpc://me:s3cret@host"], ["--url=grpc://…@host"]),
    ],
)
def test_secrets_of_a_command_are_left_out(words: list[str], left: list[str]) -> None:
    assert shlex.split(joined_lines([result(command=words)]).splitlines()[1])[2:] == left


@pytest.mark.parametrize("change", [{"machine": None}, {"machine": {"versions": [1]}}, {"command": None}])
def test_a_file_without_its_machine_or_command_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"one\.json: is not as this version"):
        environment_section(Sources(results=[result(**change)]))
