"""Sources go by the names a recipe may give, and none loads what only another one needs."""

import inspect
import sys
from pathlib import Path

import pytest

from torchferry.training.data import SOURCES, Sources
from torchferry.training.data.source import Source

NAMES = ["audio_folder", "audio_list", "coco", "cifar10", "dataset", "digit_scenes", "digits", "fashion_mnist", "idx"]
NAMES += ["image_folder", "image_list", "image_masks", "image_pairs", "mnist", "series", "table", "text"]
NAMES += ["unseen_classes", "webdataset", "yolo"]


def test_the_names_are_those_a_recipe_may_give() -> None:
    assert list(SOURCES) == NAMES
    assert len(SOURCES) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_gives_a_function_that_builds_a_source(name: str) -> None:
    assert inspect.signature(SOURCES[name]).return_annotation is Source
    assert SOURCES[name] is SOURCES[name]


def test_names_that_share_a_module_differ() -> None:
    assert len({SOURCES[name] for name in NAMES}) == len(NAMES)


def test_a_module_is_loaded_when_its_source_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source_of_a_test.py").write_text("def rows():\n    return 'built'\n")
    monkeypatch.syspath_prepend(tmp_path)
    sources = Sources({"rows": "source_of_a_test", "other": "is_not_installed"})
    assert list(sources) == ["rows", "other"]
    assert "source_of_a_test" not in sys.modules
    built: object = sources["rows"]()
    assert built == "built"
    del sys.modules["source_of_a_test"]


def test_an_unknown_name_is_none_of_them() -> None:
    assert SOURCES.get("imagenet") is None
    with pytest.raises(KeyError):
        SOURCES["imagenet"]
