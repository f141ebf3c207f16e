"""Bundles of the recipes' networks, for the tests of both servers and of the export."""

import importlib.util
from pathlib import Path

import pytest

from tests.serving import torchlib
from tests.serving.seeds import export_all
from tests.shared import once

assert torchlib  # its import is what it is for


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle of each recipe's untrained network."""
    return once(tmp_path_factory, "seeds", export_all)


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *given: None if name == "openvino" else find(name, *given)
    )
