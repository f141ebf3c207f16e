"""Types of weights, from the heads of their files."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.saved_types import saved_types

MIXED = {"a": torch.zeros(2, dtype=torch.bfloat16), "b": torch.zeros(2), "c": torch.zeros(2, dtype=torch.int64)}


def test_only_what_is_converted_is_told(tmp_path: Path) -> None:
    save_file(MIXED, tmp_path / "model.safetensors")
    torch.save({"a": torch.zeros(2, dtype=torch.float16), "b": torch.zeros(2)}, tmp_path / "pytorch_model.bin")
    assert saved_types(tmp_path / "model.safetensors") == ["bfloat16"]
    assert saved_types(tmp_path / "pytorch_model.bin") == ["float16"]
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors"}}))
    assert saved_types(index) == ["bfloat16"]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    save_file(MIXED, file := tmp_path / "model.safetensors")
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(UserError, match=r"model.safetensors: is no file of safetensors, or was cut short"):
        saved_types(file)
    (file := tmp_path / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match=r"pytorch_model.bin: cannot be read"):
        saved_types(file)
    file.write_bytes(pickle.dumps({"a": Path("x")}))
    with pytest.raises(UserError, match="is a pickle of more than tensors, which could run code"):
        saved_types(file)


@pytest.mark.parametrize("head", [b"[1, 2]", b"null", b'{"a": "b"}', b"[" * 100_000])
def test_a_head_of_another_form_is_refused(tmp_path: Path, head: bytes) -> None:
    (file := tmp_path / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    with pytest.raises(UserError, match=r"model.safetensors: is no file of safetensors, or was cut short"):
        saved_types(file)
