"""A decoder for each input that is no plain tensor, with what it reads of the bundle."""

import dataclasses
from pathlib import Path

import pytest

from tests.serving.encoded_bundles import SOUND, TEXT, tokenizer_file, written_text
from tests.serving.tiny_bundle import described
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.errors import BundleError

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")
SCAN = TensorSpec(name="scan", datatype="UINT8", shape=(-1, 1, 8, 8), decode=GREY)
ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))


def test_each_input_has_its_own_but_for_plain_tensors() -> None:
    read: list[str] = []

    def file(relative: str) -> bytes:
        read.append(relative)
        return tokenizer_file().encode()

    decoders = Decoders((ROW, SCAN, TEXT, SOUND), file)
    assert {name: type(each).__name__ for name, each in decoders.by_name.items()} == {
        "scan": "ImageDecoder",
        "ids": "TextDecoder",
        "sound": "SoundDecoder",
    }
    assert (read, Decoders.of(described()).by_name) == (["tokenizer.json"], {})


def test_a_damaged_tokenizer_is_found_when_it_is_loaded(tmp_path: Path) -> None:
    bundle = written_text(tmp_path)
    assert Decoders.of(bundle).by_name
    (bundle.root / "tokenizer.json").write_text("{}")
    with pytest.raises(BundleError, match=r"tokenizer\.json: is damaged"):
        Decoders.of(bundle)
    with pytest.raises(BundleError, match=r"tokenizer\.json: is no tokenizer\.json of Hugging Face's.*; export the"):
        Decoders((TEXT,), lambda _: b"{}")


@pytest.mark.parametrize(("spec", "package"), [(TEXT, "tokenizers"), (SOUND, "soundfile")])
def test_a_package_that_is_missing_is_named(spec: TensorSpec, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = {"tokenizers": "text", "soundfile": "audio"}[package]
    codec = {"tokenizers": "texts", "soundfile": "sounds"}[package]
    for module in (f"torchferry.contract.{contract}", f"torchferry.serving.codec.{codec}"):
        monkeypatch.delitem(__import__("sys").modules, module, raising=False)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(UserError, match=f"'{spec.name}' needs the package {package}; pip install {package}"):
        Decoders((dataclasses.replace(spec),), lambda _: b"")
