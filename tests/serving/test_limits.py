"""The table of limits in serving/README.md says what the options, the constants and the statuses are."""

import dataclasses
import importlib
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ROOT
from tests.some import some
from torchferry.serving.cli.options import OptionSet
from torchferry.serving.onnx_server.grpc import call
from torchferry.serving.onnx_server.http import errors
from torchferry.serving.onnx_server.settings import Settings as OnnxSettings
from torchferry.serving.torchserve.settings import Settings as TorchServeSettings

README = (ROOT / "serving" / "README.md").read_text()
SERVERS: dict[str, tuple[type[OptionSet], ...]] = {
    "ONNX Runtime": (OnnxSettings,),
    "TorchServe": (TorchServeSettings,),
    "both": (OnnxSettings, TorchServeSettings),
}
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
NO_LIMIT = {"max_batch", "max_batch_elements", "max_padding", "max_delay_ms"}
"""Named as limits are, and refuse nobody."""
HEADER = ["what", "default", "option, or where it stands", "server", "over HTTP", "over gRPC"]


@dataclasses.dataclass(frozen=True)
class Limit:
    what: str
    default: str
    where: str
    server: str
    http: str
    grpc: str

    @property
    def value(self) -> float:
        number, unit = re.match(r"([\d,.]+) ?(\w*)", self.default).groups()  # type: ignore[union-attr]
        return float(number.replace(",", "")) * UNITS.get(unit, 1)


def rows(heading: str) -> list[list[str]]:
    """Of the table below a heading, the first one its own."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = some(line for line in section.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


LIMITS = [Limit(*row) for row in rows("Limits")[1:]]
OPTIONS = [limit for limit in LIMITS if re.fullmatch("`--[a-z-]+`", limit.where) and limit.default != "half"]
CONSTANTS = [limit for limit in LIMITS if " in `" in limit.where]


def fields(settings: type[OptionSet]) -> dict[str, Any]:
    return {entry.name: entry.default for entry in dataclasses.fields(settings)}  # type: ignore[arg-type]


def test_the_table_has_these_columns_and_places() -> None:
    assert rows("Limits")[0] == HEADER
    others = [limit for limit in LIMITS if limit not in OPTIONS + CONSTANTS]
    assert {limit.where for limit in others} == {
        *("nginx's own", "`--max-queue`", "`--tokens`, a number in its line", "`serving/onnx_server/shares.py`")
    }


@pytest.mark.parametrize("limit", OPTIONS, ids=lambda limit: f"{limit.where} {limit.server}")
def test_an_options_default_is_the_settings_own(limit: Limit) -> None:
    name = limit.where.strip("`-").replace("-", "_")
    assert {fields(settings)[name] for settings in SERVERS[limit.server]} == {limit.value}


@pytest.mark.parametrize("settings", SERVERS["both"], ids=["ONNX Runtime", "TorchServe"])
def test_every_option_that_is_a_limit_is_in_the_table(settings: type[OptionSet]) -> None:
    limits = {name for name in fields(settings) if re.match("max_|sequences$|.*(timeout|_bytes)$", name)} - NO_LIMIT
    listed = {limit.where.strip("`-").replace("-", "_") for limit in OPTIONS if settings in SERVERS[limit.server]}
    assert limits == listed


@pytest.mark.parametrize("limit", CONSTANTS, ids=lambda limit: limit.where)
def test_a_constant_is_what_the_table_says(limit: Limit) -> None:
    name, file = re.fullmatch("`(.+)` in `(.+)`", limit.where).groups()  # type: ignore[union-attr]
    assert limit.value in constants(name, ROOT / file)


def constants(name: str, file: Path) -> set[float]:
    """Of a directive of nginx's there may be several."""
    if file.suffix == ".template":
        found = re.findall(rf"\b{name} (\d+)([smk]?);", file.read_text())
        return {float(number) * (1024 if unit == "k" else 1) for number, unit in found}
    path = file.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(path if path[0] == "torchferry" else ("torchferry", *path)))
    if name.startswith("grpc."):
        return {float(dict(module.OPTIONS + module.OF_GRPCIO)[name])}
    value: Any = reduce(getattr, name.split("."), module)
    return {float(value)}


def known_errors() -> dict[str, tuple[str, str]]:
    """By code, the status over HTTP and over gRPC."""
    known: dict[str, tuple[str, str]] = {}
    for codes, http, grpc, _ in rows("Errors")[1:]:
        names, numbers = re.findall("`([a-z_]+)`", codes), re.findall(r"\d{3}", http)
        known |= {name: (number, grpc.partition(",")[0]) for name, number in zip(names, numbers, strict=True)}
    return known


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.what[:40])
def test_who_meets_a_limit_sees_what_the_table_of_errors_says(limit: Limit) -> None:
    known = known_errors()
    assert limit.http or limit.grpc
    for status, code in re.findall(r"(\d{3}) `([a-z_]+)`", limit.http):
        if code in known:
            assert status == known[code][0]
            assert not limit.grpc or known[code][1] in ("", limit.grpc)
        else:
            assert f"`{code}` ({status})" in README


def test_the_table_of_errors_is_the_onnx_runtime_servers() -> None:
    known = known_errors()
    for error, (status, _) in errors.STATUS.items():
        if error in call.STATUS:
            assert known[error.code] == (str(status), call.STATUS[error].name)
    assert {code for code in errors.CODES if code not in known} == set()
