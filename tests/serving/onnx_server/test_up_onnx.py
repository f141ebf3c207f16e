"""Resolving the arguments of `up` for the ONNX Runtime server into versions, variants and channels."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.serving.tiny_bundle import described, variant
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.onnx_server.models.repository import Source
from torchferry.serving.onnx_server.models.versions import STABLE, Channel
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.up_onnx import find_channels, find_sources, main, with_variant


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Its files are looked at only when it is loaded."""
    variants = {name: variant(batch_1_ms=1.0) for name in ("torch", "onnx-fp32", "onnx-int8")}
    variants["onnx-int8"] = variant(batch_1_ms=0.5)
    variants["onnx-fp16"] = variant(status="refused", reason="it is too far off")
    bundles.write(described(tmp_path, variants=variants))
    return tmp_path


def source(version: str, name: str = "tiny") -> Source:
    return Source(name, described(name=name, version=version), "onnx-fp32")


def test_a_variant_is_for_the_bundles_that_name_none(tmp_path: Path) -> None:
    assert with_variant(str(tmp_path), "onnx-int8") == f"{tmp_path}:onnx-int8"
    assert with_variant(str(tmp_path), "") == str(tmp_path)
    assert with_variant(f"{tmp_path}:onnx-fp32", "onnx-int8") == f"{tmp_path}:onnx-fp32"


def test_a_bundle_of_before_choices_is_served_as_its_fastest_variant_and_with_all_of_them_if_asked_for(
    bundle: Path,
) -> None:
    assert served([str(bundle)]) == {"tiny": "onnx-int8"}
    assert served([f"{bundle}:onnx-fp32"]) == {"tiny": "onnx-fp32"}
    everything = {"tiny": "onnx-int8", "tiny-onnx-fp32": "onnx-fp32", "tiny-onnx-int8": "onnx-int8"}
    assert served([str(bundle)], all_variants=True) == everything


def test_a_bundle_is_served_as_the_variant_that_it_chose(bundle: Path) -> None:
    choice = Choice(variant="onnx-fp32", reason="it is exact")
    bundles.write(replace(bundles.load(bundle), choice=choice))
    assert served([str(bundle)]) == {"tiny": "onnx-fp32"}
    assert served([f"{bundle}:onnx-int8"]) == {"tiny": "onnx-int8"}


def served(models: list[str], **settings: Any) -> dict[str, str]:
    found, failures = find_sources(models, None, Settings(**settings))
    assert failures == {}
    return {source.name: source.variant for source in found}


def test_a_version_that_is_given_twice_is_refused(bundle: Path) -> None:
    with pytest.raises(UserError, match=r"^tiny 1\.0: is given more than once; serve each version from one bundle$"):
        find_sources([str(bundle), f"{bundle}:onnx-fp32"], None, Settings())


def test_what_cannot_be_read_is_skipped_if_that_is_asked_for(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = Path(shutil.copytree(bundle, tmp_path / "edited"))
    text = (edited / "model.json").read_text()
    (edited / "model.json").write_text(text.replace('"version": "1.0"', '"version": "2.0"'))
    given = [str(bundle), str(edited), str(tmp_path / "nowhere")]
    with pytest.raises(UserError, match="its digest differs"):
        find_sources(given, None, Settings())
    found, failures = find_sources(given, None, Settings(skip_broken=True))
    assert [source.bundle.version for source in found] == ["1.0"]
    assert [*failures] == [("tiny", "2.0"), (str(tmp_path / "nowhere"), "")]
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition("; ")[2] for line in lines] == ["it is skipped"] * 2
    canary = Channel("2.0", 0.1)
    assert find_channels([("tiny", "canary", canary)], found, failures)["tiny"]["canary"] == canary
    with pytest.raises(UserError, match=r"^none of the bundles can be served$"):
        find_sources(given[1:], None, Settings(skip_broken=True))


@pytest.mark.parametrize("variant", ["torch", "onnx-fp16", "onnx-fp7"])
def test_a_variant_that_is_not_for_this_server_is_refused(bundle: Path, variant: str) -> None:
    words = f"{variant}: the bundle's accepted variants for this server are onnx-fp32, onnx-int8"
    with pytest.raises(UserError, match=re.escape(words)):
        find_sources([f"{bundle}:{variant}"], None, Settings())


def test_without_channels_there_are_none() -> None:
    assert find_channels([], [source("1.0")]) == {}


def test_stable_means_the_last_version_unless_it_is_said() -> None:
    found = [source("1.0"), source("2.0"), source("9.0", "other")]
    canary = Channel("1.0", 0.25)
    assert find_channels([("tiny", "canary", canary)], found) == {"tiny": {STABLE: Channel("2.0"), "canary": canary}}
    both = [("tiny", "canary", canary), ("tiny", STABLE, Channel("1.0"))]
    assert find_channels(both, found) == {"tiny": {STABLE: Channel("1.0"), "canary": canary}}


@pytest.mark.parametrize(
    ("model", "version", "words"),
    [
        ("tiny", "9.0", "--channel tiny/canary: tiny 9.0 is not served; versions are 1.0, 2.0"),
        ("nobody", "1.0", "--channel nobody/canary: nobody 1.0 is not served; versions are none"),
    ],
)
def test_a_channel_of_what_is_not_served_is_refused(model: str, version: str, words: str) -> None:
    found = [source("1.0"), source("2.0"), source("9.0", "other")]
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        find_channels([(model, "canary", Channel(version))], found)


def test_what_is_wrong_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--max-queue: 0 is not valid"):
        main([str(tmp_path), "--max-queue", "0"])
    with pytest.raises(UserError, match=r"--ready-file: .* cannot be a file"):
        main([str(tmp_path), "--ready-file", str(tmp_path)])
    with pytest.raises(UserError, match="is not a bundle"):
        main([str(tmp_path)])
