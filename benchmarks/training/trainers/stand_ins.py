"""Stand-ins for packages that a machine without a network lacks: enough for our trainer to train, no more.

What only shows or serves something does nothing; files that are YAML or safetensors hold JSON and what torch.save
writes. A real package always wins. For measuring alone: nothing that is kept may be written with these.
"""

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import torch
from torch import nn

WITHOUT = {
    "rich": "no progress bar",
    "prometheus_client": "no metrics endpoint",
    "matplotlib": "no pictures",
    "PIL": "no image files",
    "jsonargparse": "recipes are read unchecked",
    "yaml": "run folders hold JSON",
    "safetensors": "models are written by torch.save",
}
"""The packages that the trainer imports however little it has to do, and what is lost without each."""
PLOTS = "torchferry.training.outputs.plots"
"""Ours; it takes apart what matplotlib gives, so it is replaced as a whole."""


def missing() -> list[str]:
    return [name for name in WITHOUT if importlib.util.find_spec(name) is None]


def install() -> None:
    """Put them where imports look last."""
    if "matplotlib" in missing():
        sys.modules[PLOTS] = Inert(PLOTS)
    sys.meta_path.append(StandIns())


class Inert(ModuleType):
    """A module, class, function or object that does nothing: called, entered or asked for a part, it gives itself."""

    def __init__(self, name: str, **real: Any) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # so that it may have submodules
        vars(self).update(real)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __getitem__(self, _: Any) -> Any:
        return self

    def __or__(self, _: Any) -> Any:  # in annotations
        return self

    __ror__ = __or__

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __mro_entries__(self, _: tuple[Any, ...]) -> tuple[type, ...]:
        return (object,)  # a class may derive from it


class StandIns(MetaPathFinder, Loader):
    def find_spec(self, name: str, _: Sequence[str] | None, __: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in WITHOUT else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Inert(spec.name, **REAL.get(spec.name, {}))

    def exec_module(self, _: ModuleType) -> None: ...


class Dumper:
    """What a class of ours may derive from, to say how text is written; here all of it is written as JSON."""

    @classmethod
    def add_representer(cls, *_: object) -> None: ...


def _dump(content: object, *_: object, **__: object) -> str:
    return json.dumps(content, default=str)


def _load(text: str | bytes | TextIO) -> Any:
    return json.loads(text if isinstance(text, str | bytes) else text.read())


def _save_model(model: nn.Module, path: str | Path, *_: object, **__: object) -> None:
    torch.save(model.state_dict(), path)


def _load_model(model: nn.Module, path: str | Path, *_: object, **__: object) -> None:
    model.load_state_dict(torch.load(path, "cpu", weights_only=True))


def _load_file(path: str | Path, *_: object, **__: object) -> Any:
    return torch.load(path, "cpu", weights_only=True)


REAL: dict[str, dict[str, Any]] = {
    "yaml": {
        "safe_load": _load,
        "safe_dump": _dump,
        "dump": _dump,
        "SafeDumper": Dumper,
        "YAMLError": json.JSONDecodeError,
        "Node": object,
    },
    "safetensors": {"SafetensorError": type("SafetensorError", (Exception,), {})},
    "safetensors.torch": {"save_model": _save_model, "load_model": _load_model, "load_file": _load_file},
    "jsonargparse": {"ArgumentError": type("ArgumentError", (Exception,), {})},
    # Steps are counted by these bounds before anything of prometheus_client sees them.
    "prometheus_client": {"Histogram": Inert("prometheus_client.Histogram", DEFAULT_BUCKETS=(float("inf"),))},
    "PIL": {"UnidentifiedImageError": type("UnidentifiedImageError", (OSError,), {})},
}
"""What of a package does something, because a run needs it."""
