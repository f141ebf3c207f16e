import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from tests.commands import RECIPES, ROOT, torchrun
from tests.training import tiny
from tests.training.data.sources import refusal
from tests.training.untrained import save_untrained
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.build_source import build_source
from torchferry.training.data.source import Source, TableInput, TextInput
from torchferry.training.models.saved import ModelCard, evaluation_data, load_model, save_model, whole_step


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


def test_a_card_keeps_what_rows_and_targets_are_scaled_by(tmp_path: Path) -> None:
    columns = {"t": [1700000000.1, 1700000001, 1700000003, 1.7e9], "y": [1e-7 / 3, 2, 3, 4e17]}
    data = Component(name="table", args={"columns": columns, "target": "y", "test_fraction": 0})
    given: Source = build(data, SOURCES, "data.source")
    network = Component(name="linear", args={"in_features": 1, "out_features": 1})
    model = save_untrained(tmp_path, given, data, network)
    loaded, found = load_model(tmp_path)
    assert (found.input, found.target_scale) == (given.input, given.target_scale)
    rows = given.test[:][0]
    assert loaded(rows).dtype == torch.float64
    assert torch.equal(loaded(rows), model.eval()(rows))
    changed = replace(found, data=replace(data, args=data.args | {"columns": columns | {"y": [1, 2, 3, 4]}}))
    again = evaluation_data(changed)
    assert (again.input, again.target_scale) == (given.input, given.target_scale)


def test_a_card_of_before_is_of_float32(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "made_before" / "run" / "model", tmp_path / "model")
    model, card = load_model(tmp_path)
    assert card.target_scale is None
    assert isinstance(card.input, TableInput)
    assert card.input.datatype == "float32"
    rows, targets = evaluation_data(card).test[:]
    assert (rows.dtype, targets.dtype, model(rows).dtype) == (torch.float32, torch.float32, torch.float32)


def test_encoders_travel_in_the_card_and_the_data_are_encoded_by_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("k,n,y\n" + "".join(f"{'uvw'[n % 3]},{n or ''},{n}\n" for n in range(30)))
    args = {"path": str(path), "target": "y", "missing": "indicator", "split": "hash"}
    data = Component(name="table", args=args)
    source = build_source(data, "values")
    network = Component(name="linear", args={"in_features": 5, "out_features": 1})
    save_untrained(tmp_path / "run", source, data, network)
    read = load_model(tmp_path / "run")[1]
    assert isinstance(read.input, TableInput)
    assert read.input == source.input
    assert read.input.columns == ("k=u", "k=v", "k=w", "n", "n is missing")
    with path.open("a") as file:
        file.write("new,1000,1000\n" * 3)
    after = evaluation_data(read)
    assert after.input == source.input
    assert torch.equal(torch.cat([after.train[:][0], after.test[:][0]])[:, :3].sum(dim=0), torch.tensor([10.0] * 3))


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
        ("digits_cnn", "other_cnn", "there is no 'other_cnn'"),
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


def save_texts(folder: Path) -> ModelCard:
    run = tiny.build("texts")
    card = ModelCard(
        name="texts",
        task=run.task.task,
        network=tiny.NETWORKS["texts"],
        input=run.source.input,
        data=Component(name="tests.training.tiny.texts"),
        result={},
        step=1,
        torch="2",
    )
    folder.mkdir()
    save_model(folder / "model", run.model, card)
    return card


def test_a_tokenizer_lies_beside_the_card(tmp_path: Path) -> None:
    card = save_texts(tmp_path / "run")
    assert isinstance(card.input, TextInput)
    assert (tmp_path / "run/model/tokenizer.json").read_text() == card.input.tokenizer
    assert "tokenizer" not in yaml.safe_load((tmp_path / "run/model/model.yaml").read_text())["input"]
    model, found = load_model(tmp_path / "run")
    assert found == card
    assert model(torch.tensor([[3, 4, 0]])).shape == (1, 2)
    assert whole_step(tmp_path / "run/model") == 1


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_tokenizer_is_told(tmp_path: Path, damage: str) -> None:
    save_texts(tmp_path / "run")
    file = tmp_path / "run/model/tokenizer.json"
    file.unlink() if damage == "missing" else file.write_text("{} ")
    with pytest.raises(UserError, match=r"tokenizer\.json: is (missing|damaged)"):
        load_model(tmp_path / "run")


def test_a_network_without_a_mask_is_refused_where_samples_have_lengths_of_their_own() -> None:
    words = "model.name: forward of torch.nn.Embedding takes (input), not (x, mask): samples of this data.source have "
    network = Component(name="torch.nn.Embedding", args={"num_embeddings": 9, "embedding_dim": 2})
    assert refusal(lambda: tiny.build("texts", model=network)).startswith(words)
