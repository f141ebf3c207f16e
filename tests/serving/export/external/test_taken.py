"""What is taken of the options and of the model that they name."""

from pathlib import Path

import pytest

from tests.serving.export.external.huggingface.folders import VIT, saved
from torchferry.contract.tasks import name_of
from torchferry.errors import UserError
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.taken import Taken, take

LINEAR = ("torch.nn.Linear", "--model-args", '{"in_features": 3, "out_features": 2}', "--input", "table:3")


def taken(model: object, *options: str) -> Taken:
    return take(parser().parse_args(["--model", str(model), *options]))


def test_a_network_alone_gives_tensors(tmp_path: Path) -> None:
    found = taken(*LINEAR)
    assert (found.name, name_of(type(found.task.task)), found.lacks_weights) == ("Linear", "tensors", True)
    (tmp_path / "labels").write_text("a\nb\n")
    labelled = taken(*LINEAR, "--labels", str(tmp_path / "labels"))
    assert (name_of(type(labelled.task.task)), labelled.labels.alone) == ("classification", ("a", "b"))


def test_a_folder_says_more_and_the_user_has_the_last_word(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    folder = saved(tmp_path / "net", "ViTForImageClassification", VIT)
    found = taken(folder)
    assert (name_of(type(found.task.task)), found.labels.alone) == ("classification", ("cat", "dog", "bird"))
    assert (found.preprocessing, found.lacks_weights) == ("preprocessor_config.json", False)
    assert name_of(type(taken(folder, "--task", "tensors").task.task)) == "tensors"
    with pytest.raises(UserError, match="--weights: is for a network of torch; net is a folder of transformers"):
        taken(folder, "--weights", "other.safetensors")


@pytest.mark.parametrize("said", [(), ("--task", "detection")])
def test_the_architectures_settings_hold_also_where_its_task_is_named(tmp_path: Path, said: tuple[str, ...]) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    folder = saved(tmp_path / "net", "DetrForObjectDetection")
    options = ("--input", "image:32x48", "--resize", "squash", *said)
    assert taken(folder, *options).task.task.settings == {"iou_threshold": 1.0}
    own = ("--task-args", '{"iou_threshold": 0.7}')
    assert taken(folder, *options, *own).task.task.settings == {"iou_threshold": 0.7}


def test_a_processor_that_is_not_known_may_be_said_instead(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    folder = saved(tmp_path / "net", "ViTForImageClassification", {"image_processor_type": "OwnImageProcessor"})
    with pytest.raises(UserError, match="image_processor_type: OwnImageProcessor is none of those that are known"):
        taken(folder)
    said = ("--input", "image:32", "--resize", "squash", "--interpolation", "bicubic", "--normalize", "half")
    assert taken(folder, *said).preprocessing is None
