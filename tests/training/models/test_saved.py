import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from tests.commands import RECIPES, torchrun
from torchferry.errors import UserError
from torchferry.training.models.saved import evaluation_data, load_model, whole_step


def test_the_saved_model_has_the_accuracy_it_claims(run: Path) -> None:
    model, card = load_model(run)
    images, classes = evaluation_data(card).test[:]
    with torch.no_grad():
        right = (model(images).argmax(dim=1) == classes).float().mean().item()
    assert right == pytest.approx(card.result["accuracy"])


@pytest.mark.torchrun
@pytest.mark.parametrize("network", ["BatchNorm", "Tied", "Lazy", "Recurrent"])
def test_two_ranks_save_the_very_model_they_evaluated(network: str, tmp_path: Path) -> None:
    options = ("--runs_dir", tmp_path, "--metrics.port", 0, "--epochs", 2)
    done = torchrun(2, "--config", RECIPES / "digits.yaml", "--model.name", f"tests.training.nets.{network}", *options)
    assert done.returncode == 0, done.stderr
    model, card = load_model(tmp_path / "digits")
    images, classes = evaluation_data(card).test[:]
    with torch.no_grad():
        logits = model(images)
    reported = [json.loads(line) for line in (tmp_path / "digits" / "metrics.jsonl").read_text().splitlines()][-1]
    assert torch.nn.functional.cross_entropy(logits, classes).item() == pytest.approx(reported["loss"], rel=1e-4)
    assert (logits.argmax(dim=1) == classes).float().mean().item() == pytest.approx(card.result["accuracy"])


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run / "model", tmp_path / "run" / "model")
    return tmp_path / "run"


def test_a_damaged_weight_file_is_named(copy: Path) -> None:
    weights = copy / "model" / "weights.safetensors"
    assert whole_step(copy / "model") == load_model(copy)[1].step
    content = weights.read_bytes()
    for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content[:100]):
        weights.write_bytes(damaged)
        for read in (load_model, lambda run: whole_step(run / "model")):
            with pytest.raises(UserError, match=r"weights.safetensors: is damaged .*; the command that trained"):
                read(copy)
    weights.unlink()
    with pytest.raises(UserError, match=r"weights.safetensors: is missing; the command that trained it"):
        whole_step(copy / "model")


@pytest.mark.parametrize(
    ("before", "after"),
    [("- '3'", "- three"), ("step: 330", "step: 331"), ("schema: ", "added: 1\nschema: "), ("weights_sha256: ", "w: ")],
)
def test_a_card_that_was_edited_is_named(before: str, after: str, copy: Path) -> None:
    card = copy / "model" / "model.yaml"
    assert before in card.read_text()
    card.write_text(card.read_text().replace(before, after))
    for read in (load_model, lambda run: whole_step(run / "model")):
        with pytest.raises(UserError, match=r"model.yaml: is damaged or was edited \(its checksum differs\)"):
            read(copy)


def test_a_card_may_be_laid_out_anew_and_one_of_before_has_no_checksum(copy: Path) -> None:
    card = copy / "model" / "model.yaml"
    content = yaml.safe_load(card.read_text())
    card.write_text("# mine\n" + yaml.safe_dump(content, sort_keys=True))
    assert load_model(copy)[1].step == 330
    del content["sha256"]
    card.write_text(yaml.safe_dump(content))
    assert load_model(copy)[1].step == whole_step(copy / "model") == 330


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("torchferry.model/1", "torchferry.model/9", "has schema torchferry.model/9"),
        ("digits_cnn", "other_cnn", "'other_cnn' is not one of"),
        ("labels:", "names:", "cannot be read as a model"),
        ("schema: ", "", "cannot be read as a model"),
    ],
)
def test_a_changed_card_is_refused_in_one_line(copy: Path, before: str, after: str, words: str) -> None:
    card = copy / "model" / "model.yaml"
    lines = [line for line in card.read_text().splitlines() if not line.startswith("sha256: ")]
    card.write_text("\n".join(lines).replace(before, after))
    with pytest.raises(UserError) as refused:
        load_model(copy)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
