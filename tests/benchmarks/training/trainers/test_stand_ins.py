"""Stand-ins for missing packages: to show things they do nothing, files can be read again, a real package wins."""

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from torchferry.benchmarks.training.trainers import stand_ins
from torchferry.benchmarks.training.trainers.stand_ins import PLOTS, Inert, StandIns, install, missing


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For a package that nobody has, beside those that are here."""
    monkeypatch.setitem(stand_ins.WITHOUT, "nobodys_package", "nothing")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    install()
    yield
    for name in [name for name in sys.modules if name.startswith("nobodys_package")]:
        del sys.modules[name]


def test_what_is_missing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing() == []
    monkeypatch.setitem(stand_ins.WITHOUT, "nobodys_package", "nothing")
    assert missing() == ["nobodys_package"]


@pytest.mark.usefixtures("installed")
def test_a_real_package_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nobodys_package.py").write_text("value = 1")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("nobodys_package").value == 1
    assert not isinstance(sys.modules.get(PLOTS), Inert)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("anothers_package")


@pytest.mark.usefixtures("installed")
def test_a_missing_one_takes_whatever_is_done_with_it() -> None:
    module: Any = importlib.import_module("nobodys_package.deep.within")
    assert types.new_class("Own", (module.Bar,))() is not None
    assert module.Bar | None is module
    assert None | module.Bar is module
    with module.Progress(1, disable=True) as bar:
        bar.tasks[0].console.print("nothing")
    assert list(bar) == []
    assert not hasattr(module, "__version__")


def test_files_can_be_read_again(tmp_path: Path) -> None:
    yaml: Any = StandIns().create_module(importlib.machinery.ModuleSpec("yaml", None))
    text = yaml.dump({"lr": 1e-05, "path": tmp_path}, Dumper=yaml.SafeDumper, sort_keys=False)
    assert yaml.safe_load(text) == {"lr": 1e-05, "path": str(tmp_path)}
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("a: b")
    safetensors: Any = StandIns().create_module(importlib.machinery.ModuleSpec("safetensors.torch", None))
    model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    safetensors.save_model(model, str(tmp_path / "weights"))
    safetensors.load_model(other, tmp_path / "weights")
    assert torch.equal(model.weight, other.weight)
    assert safetensors.load_file(tmp_path / "weights").keys() == model.state_dict().keys()
