from pathlib import Path

import pytest
import torch

from tests.training.data.sources import refusal
from tests.training.discovery.small_data import folder_of, shard_of
from torchferry.training.discovery.image_drafts import finetune, image_folder, webdataset


def test_a_folder_says_classes_sizes_and_numbers(tmp_path: Path) -> None:
    draft = image_folder(str(folder_of(tmp_path / "my pets")), None)
    assert (draft.name, draft.task, draft.samples, draft.batch_size) == ("my-pets", "classification", 24, 8)
    assert draft.network.args == {"classes": 2}
    args = draft.source.args
    assert (args["height"], args["width"], args["in_memory"]) == (32, 32, True)
    assert draft.comments["height"] == "pictures are 40 to 40 high, 36 to 36 wide"
    assert args["resize"] == "squash"
    assert "crop takes the middle" in draft.comments["resize"]
    assert "24 to train and 8 to test, 2 classes" in draft.title


def test_large_pictures_get_a_network_for_them(tmp_path: Path) -> None:
    draft = image_folder(str(folder_of(tmp_path / "pets", train=1, test=1, size=(150, 200))), None)
    assert draft.source.args["height"] == 224
    assert draft.network.name == "torchvision.models.resnet18"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path / 'nowhere'}" in refusal(lambda: image_folder(str(tmp_path / "nowhere"), None))


def test_shards_say_classes_and_sizes(tmp_path: Path) -> None:
    train, test = shard_of(tmp_path / "train-000.tar", 12), shard_of(tmp_path / "test.tar", 4)
    draft = webdataset(str(train), str(test), "dark, light", None)
    assert (draft.name, draft.samples, draft.source.args["height"]) == ("train-000", 12, 32)
    assert draft.source.args["labels"] == ["dark", "light"]
    (tmp_path / "labels.txt").write_text("dark\nlight\n")
    assert webdataset(str(train), str(test), str(tmp_path / "labels.txt"), 64).network.args == {"num_classes": 2}


@pytest.mark.parametrize(
    ("weights", "model", "network", "head"),
    [
        ("ResNet18_Weights.DEFAULT", None, "torchvision.models.resnet18", "fc."),
        ("SqueezeNet1_1_Weights.IMAGENET1K_V1", None, "torchvision.models.squeezenet1_1", "classifier.1."),
        ("own.pth", "cifar_cnn", "cifar_cnn", "9."),
    ],
)
def test_weights_say_network_and_head(
    weights: str, model: str | None, network: str, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.pth").touch()
    draft = finetune(str(folder_of(tmp_path / "pets", train=1, test=1)), weights, model, 32)
    assert (draft.network.name, draft.head, draft.name) == (network, head, "pets-finetune")


def test_pictures_are_resized_as_the_weights_were_judged(tmp_path: Path) -> None:
    draft = finetune(str(folder_of(tmp_path / "pets", train=1, test=1)), "EfficientNet_B1_Weights.DEFAULT", None, None)
    args = draft.source.args
    assert (args["height"], args["resize"], args["fraction"], args["interpolation"]) == (
        240,
        "crop",
        240 / 255,
        "bilinear",
    )
    assert draft.comments["resize"] == "as EfficientNet_B1_Weights.DEFAULT were judged"


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("ResNet8_Weights.DEFAULT", "is neither a file nor torchvision's; did you mean ResNet18_Weights?"),
        ("ResNet18_Weights.V9", "there is no ResNet18_Weights.V9; torchvision has ResNet18_Weights.IMAGENET1K_V1"),
        (__file__, "--model: is missing; name the network"),
        ("own.pth", "--weights: own.pth: no such file"),
    ],
)
def test_weights_of_nothing_known_are_refused(weights: str, words: str, tmp_path: Path) -> None:
    root = str(folder_of(tmp_path / "pets", train=1, test=1))
    assert words in refusal(lambda: finetune(root, weights, None, 32))


def test_a_network_without_a_head_is_refused(tmp_path: Path) -> None:
    root = str(folder_of(tmp_path / "pets", train=1, test=1))
    name = f"{__name__}.Headless"
    assert "has no linear layer" in refusal(lambda: finetune(root, __file__, name, 32))


class Headless(torch.nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.classes = num_classes
