"""The kind of a folder, from the files in it."""

import json
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.model_folder import (
    FolderKind,
    config_of,
    files_of,
    is_model_folder,
    kind_of_folder,
    name_of_folder,
    weights_of,
)


def folder(path: Path, *names: str, config: object = None) -> Path:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).touch()
    if config is not None:
        (path / "config.json").write_text(json.dumps(config))
    return path


def test_the_two_that_are_taken(tmp_path: Path) -> None:
    ours = folder(tmp_path / "a", "model.safetensors", "onnx/model.onnx", config={"architectures": ["A"]})
    assert kind_of_folder(ours) is FolderKind.TRANSFORMERS
    timms = folder(tmp_path / "b", "pytorch_model.bin", config={"architecture": "resnet18", "pretrained_cfg": {}})
    assert kind_of_folder(timms) is FolderKind.TIMM
    assert is_model_folder(ours)
    assert files_of(ours) == [ours / "config.json", ours / "model.safetensors"]


def test_what_is_no_models_folder(tmp_path: Path) -> None:
    assert not is_model_folder(tmp_path / "nowhere")
    assert not is_model_folder(folder(tmp_path / "empty"))
    assert not is_model_folder(folder(tmp_path / "run", "config.yaml", "config.json"))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("config.json", "tf_model.h5"), "is a folder of TensorFlow's weights; load them once with from_pretrained"),
        (("config.json", "flax_model.msgpack"), "is a folder of Flax's weights"),
        (("saved_model.pb",), "is a TensorFlow SavedModel; to ONNX by"),
        (("adapter_config.json", "adapter_model.safetensors"), "an adapter of PEFT without its network; merge_and_unl"),
        (("model_index.json",), "a pipeline of diffusers; give one of its networks"),
        (("config.json", "llama.Q4.gguf"), "is a folder of llama.cpp's, whose weights are quantised"),
        (
            ("config.json", "onnx/model_int8.onnx", "onnx/model.onnx"),
            r"ONNX graphs give one, such as .*/onnx/model.onnx",
        ),
        (("pytorch_model.bin",), r"has no config.json, .* give the weights with --weights .*pytorch_model.bin"),
        (("config.json",), "has no weights; model.safetensors, model.safetensors.index.json, pytorch_model.bin"),
    ],
)
def test_others_are_refused_with_the_way_on(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    path = folder(tmp_path / "net", *names)
    assert is_model_folder(path)
    with pytest.raises(UserError, match=words):
        kind_of_folder(path)


def test_a_snapshot_of_the_cache_is_links_and_has_its_models_name(tmp_path: Path) -> None:
    cached = tmp_path / "models--google--vit-base" / "snapshots" / "abc123"
    cached.mkdir(parents=True)
    blob = folder(tmp_path / "models--google--vit-base" / "blobs", "0123") / "0123"
    blob.write_text('{"architectures": ["A"]}')
    (cached / "config.json").symlink_to("../../blobs/0123")
    (cached / "model.safetensors").symlink_to("../../blobs/gone")
    with pytest.raises(
        UserError, match=r"model.safetensors is a link that leads nowhere; the download was not finished"
    ):
        kind_of_folder(cached)
    (blob.parent / "gone").touch()
    assert kind_of_folder(cached) is FolderKind.TRANSFORMERS
    assert name_of_folder(cached) == "vit-base"
    assert name_of_folder(tmp_path / "resnet-18.v2") == "resnet-18.v2"


def test_an_index_names_files_of_its_folder(tmp_path: Path) -> None:
    index = folder(tmp_path / "net", "a.safetensors", config={}) / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": "a.safetensors", "y": "a.safetensors"}}))
    assert files_of(index.parent)[1:] == [index, index.parent / "a.safetensors"]
    for places, words in [
        ({"x": "b.safetensors"}, "names b.safetensors, which is not there"),
        ({"x": "../a.safetensors"}, r"names ../a.safetensors, which is outside of its folder"),
        ([], "is no index of shards"),
    ]:
        index.write_text(json.dumps({"weight_map": places}))
        with pytest.raises(UserError, match=words):
            files_of(index.parent)
    with pytest.raises(UserError, match="has no weights"):
        weights_of(folder(tmp_path / "empty", config={}))


def test_a_config_that_is_no_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config.json: is no JSON object"):
        config_of(folder(tmp_path / "net", config=[]))
    (tmp_path / "net" / "config.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"config.json: cannot be read \(maximum recursion depth"):
        config_of(tmp_path / "net")
    (tmp_path / "net" / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json: cannot be read \(Expecting property name"):
        config_of(tmp_path / "net")
