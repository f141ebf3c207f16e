"""Models in packages of others: from each package's file to an endpoint that gives the package's own answers.

`TORCHFERRY_OTHERS=FOLDER pytest -s tests/serving/others` tries all of them; what is not installed is skipped.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import ROOT
from tests.server import Server
from tests.serving.others.endpoint import Endpoint
from tests.serving.others.installed import folder_of
from tests.serving.others.members import MEMBERS, Other
from torchferry.serving.export.export_command import main, parser

TRIED = [pytest.param(other, id=other.name, marks=[] if other.quick else [pytest.mark.sweep]) for other in MEMBERS]


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("other", TRIED)
def test_the_endpoint_answers_as_the_package_does(other: Other, tmp_path: Path) -> None:
    package = folder_of(other.module)
    bundle = tmp_path / "bundle"
    main([*other.arguments(package, tmp_path), "--variants", "onnx-fp32", "--output", str(bundle)])
    server = Server(bundle, folder=tmp_path, runtime="onnx")
    try:
        endpoint = Endpoint(server.wait_ready(), other.name, alone=other.alone)
        own = other.example(lambda run: run)
        ours = other.example(endpoint.in_place_of)
    finally:
        server.stop()
    print(f"\n{other.name}: asked {endpoint.asked} times, largest difference {endpoint.largest:.1e}")
    print(f"{str(own)[:200]}")
    assert endpoint.asked
    assert_alike(ours, own)


def assert_alike(ours: Any, own: Any) -> None:
    """Words and whole numbers are the same, other numbers to a thousandth."""
    if isinstance(own, Mapping):
        assert ours.keys() == own.keys()
        for key, value in own.items():
            assert_alike(ours[key], value)
    elif isinstance(own, Sequence) and not isinstance(own, str):
        assert len(ours) == len(own)
        for one, other in zip(ours, own, strict=True):
            assert_alike(one, other)
    elif isinstance(own, np.ndarray | float | np.floating):
        np.testing.assert_allclose(ours, own, rtol=1e-3, atol=1e-3)
    else:
        assert ours == own


@pytest.mark.parametrize("other", MEMBERS, ids=lambda other: other.name)
def test_the_readmes_table_has_its_command(other: Other) -> None:
    lines = (ROOT / "serving" / "README.md").read_text().splitlines()
    (row,) = (line for line in lines if line.startswith(f"| `{other.name}` |"))
    assert f"`{other.command}`" in row
    parser().parse_args(shlex.split(other.command))
