"""Networks of timm, by name and from a folder."""

import json
from pathlib import Path

import pytest
import torch

from torchferry.errors import UserError
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.external.timm_network import is_pretrained, network_by_name, network_of_folder, timm_name

timm = pytest.importorskip("timm", reason="timm is not installed")
NAME = "mobilenetv3_small_050.lamb_in1k"


def folder(path: Path, **keys: object) -> Path:
    torch.manual_seed(0)
    network = timm.create_model("mobilenetv3_small_050", num_classes=3)
    path.mkdir()
    timm.models.save_for_hf(network, str(path), model_args={"num_classes": 3}, safe_serialization=True)
    file = path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))
    return path


def test_a_name_brings_its_preprocessing_and_labels(capsys: pytest.CaptureFixture[str]) -> None:
    options = parser().parse_args(["--model", f"timm/{NAME}"])
    reference = load_given(options)
    said = capsys.readouterr().out
    assert f"pretrained_cfg ({NAME}) prepares them: shorter side to 256, then the middle 224 x 224, bicubic" in said
    assert "labels: the 1,000 classes" in said
    assert "no --weights: they are random; --weights pretrained downloads those of timm" in said
    assert (reference.name, reference.task.labels[0]) == (NAME, "tench, Tinca tinca")
    assert reference.provenance["weights"] == "random"


def test_a_file_of_weights_fills_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved = timm.create_model("mobilenetv3_small_050", num_classes=3).eval()
    torch.save(saved.state_dict(), tmp_path / "w.pth")
    words = ["--model", "timm/mobilenetv3_small_050", "--model-args", '{"num_classes": 3}', "--weights"]
    reference = load_given(parser().parse_args([*words, str(tmp_path / "w.pth"), "--task", "classification"]))
    inputs = reference.test.tensors(2)
    pixels = (inputs[0] / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(reference.module(*inputs), saved(pixels).softmax(dim=1), atol=1e-5, rtol=0)


def test_a_folder_of_the_hub_is_taken(tmp_path: Path) -> None:
    names = {"label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "cat", "n2": "dog"}}
    path = folder(tmp_path / "net", **names)
    reference = load_given(parser().parse_args(["--model", str(path)]))
    assert reference.task.labels == ("cat", "dog", "n3")
    assert reference.provenance["weights"] == "model.safetensors"
    with pytest.raises(UserError, match=r"timm .* has no resnet81; did you mean"):
        network_of_folder(folder(tmp_path / "other", architecture="resnet81"))
    for key in ("model_args", "pretrained_cfg"):
        with pytest.raises(UserError, match=rf"config.json: {key} is \[1\]; an object is expected"):
            network_of_folder(folder(tmp_path / key, **{key: [1]}))
    with pytest.raises(UserError, match="is for another model"):
        network_of_folder(folder(tmp_path / "third", architecture="resnet18"))


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("resnet81", {}, "--model: timm .* has no resnet81; did you mean resnet"),
        ("resnet18.a1_in1", {}, r"has no resnet18.a1_in1; did you mean resnet18.a1_in1k"),
        ("resnet18", {"classes": 3}, "--model: timm/resnet18: could not be built .*classes"),
    ],
)
def test_what_timm_does_not_know_is_refused(name: str, args: dict[str, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        network_by_name(name, args, is_filled=False)


def test_weights_that_cannot_be_had_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(UserError, match="its weights cannot be downloaded; give a file with --weights") as refused:
        network_by_name("tinynet_e.in1k", {}, is_filled=True)
    assert "\n" not in str(refused.value)


def test_names_and_folders_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timm_name("timm/resnet18.a1_in1k") == "resnet18.a1_in1k"
    assert timm_name("timm.create_model") is timm_name("other/resnet18") is None
    assert is_pretrained("pretrained")
    assert not is_pretrained("w.pth")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "timm" / "resnet18").mkdir(parents=True)
    assert timm_name("timm/resnet18") is None
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="is a network of timm, which is not installed; pip install timm"):
        network_by_name("resnet18", {}, is_filled=False)
