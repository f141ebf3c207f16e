"""The table of variants, which is the only place that knows their names."""

import ast
import importlib
import re
from pathlib import Path, PurePosixPath

import pytest

from tests.commands import ROOT, run_python
from tests.serving.openvino import MISSING
from torchferry.errors import UserError
from torchferry.serving.session import open_session
from torchferry.serving.session.runtimes import (
    EXTRAS,
    FIRST,
    ONNX,
    RUNTIMES,
    SERVERS,
    TORCHSERVE,
    Runtime,
    by_preference,
    rows_of,
    served_by,
)

TABLE = "serving/session/runtimes.py"
PREFIXES = {f"{name.split('-')[0]}-" for name in RUNTIMES if "-" in name}


def test_no_other_module_knows_a_variant_by_its_name() -> None:
    """`torch` is a package as well. What people read is text with other words around the name."""
    spelled = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for package in ("torchferry", "training", "serving", "benchmarks")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != ROOT / TABLE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
        if node.value.startswith(tuple(PREFIXES))
    ]
    assert spelled == []


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=list(RUNTIMES))
def test_a_row_names_what_is_there(runtime: Runtime) -> None:
    module, name = runtime.session.split(":")
    assert (ROOT / "/".join(module.split(".")[1:])).with_suffix(".py").is_file()
    if not runtime.lacks:
        assert hasattr(importlib.import_module(module), name)
    assert runtime.package in EXTRAS
    assert len(PurePosixPath(runtime.file).parts) == 2  # a folder of its own, of which a bundle takes all
    assert runtime.file.split("/")[0] in RUNTIMES


@pytest.mark.parametrize("module", sorted({row.session.split(":")[0] for row in rows_of(served_by(ONNX, RUNTIMES))}))
def test_what_our_server_opens_loads_no_torch(module: str) -> None:
    if any(row.lacks for row in RUNTIMES.values() if row.session.startswith(module)):
        pytest.skip("its package is not installed")
    done = run_python("-c", f"import sys, {module}; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_ours_serves_what_needs_no_torch_and_torchserve_all() -> None:
    assert served_by(TORCHSERVE, RUNTIMES) == list(RUNTIMES)
    assert served_by(ONNX, ["torch", "openvino-int8", "new", "onnx-fp32"]) == ["openvino-int8", "onnx-fp32"]
    assert set(SERVERS) == {ONNX, TORCHSERVE}


def test_exact_variants_come_before_rounded_ones_and_those_of_both_servers_before_those_of_one() -> None:
    exact, rounded = ["onnx-fp32", "openvino-fp32"], ["onnx-fp16", "onnx-int8", "openvino-int8"]
    ours = ["torch", "torch-compile", "torch-aoti"]
    assert by_preference(reversed([*RUNTIMES, "new"])) == [*exact, *rounded, *ours, "new"]
    assert FIRST == "onnx-fp32"


@pytest.mark.usefixtures("without_openvino")
def test_a_package_that_is_missing_is_said_with_how_to_install_it(tmp_path: Path) -> None:
    assert RUNTIMES["torch"].lacks is None
    assert RUNTIMES["openvino-fp32"].lacks == MISSING
    with pytest.raises(UserError, match=f"^{re.escape(f'{tmp_path}: {MISSING}')}$"):
        open_session("openvino-fp32", tmp_path, [], [], 1)


def test_a_variant_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(str(tmp_path))}: nothing here runs 'new'; known are torch, "):
        open_session("new", tmp_path, [], [], 1)
