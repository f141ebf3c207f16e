"""A run's model comes from its recipe, its samples, its checkpoint and its weights, each with a checksum."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import TensorDataset

from torchferry.files import sha256
from torchferry.serving.export.trained_origin import origin_of_run
from torchferry.training.data.source import Source
from torchferry.training.models.saved import ModelCard, evaluation_data, load_model


@pytest.fixture(scope="module")
def card(run: Path) -> ModelCard:
    return load_model(run)[1]


@pytest.fixture(scope="module")
def source(card: ModelCard) -> Source:
    return evaluation_data(card)


def test_each_step_of_the_digits_run_has_its_checksum(run: Path, card: ModelCard, source: Source) -> None:
    origin = origin_of_run(run, card.step, source)
    checkpoint = f"checkpoints/step-{card.step:08d}/checksums.json"
    names = ["config.yaml", checkpoint, "model/model.yaml", "model/weights.safetensors"]
    assert list(origin.steps.items()) == [(name, sha256(run / name)) for name in names]
    assert origin.recipe["model.name"] == "digits_cnn"
    assert set(origin.versions) >= {"torch", "numpy"}
    json.dumps(origin.recipe)  # which stands in a file


def test_samples_in_memory_are_looked_at(run: Path, card: ModelCard, source: Source) -> None:
    data = origin_of_run(run, card.step, source).data
    assert {part: listing["samples"] for part, listing in data.items()} == {"train": 1437, "test": 360}
    expected = hashlib.sha256()
    assert isinstance(source.test, TensorDataset)
    for tensor in source.test.tensors:
        expected.update(f"{tensor.dtype} {list(tensor.shape)}".encode() + np.asarray(tensor).tobytes())
    assert data["test"]["sha256"] == expected.hexdigest()


def test_what_training_knew_of_its_samples_is_taken(run: Path, card: ModelCard, source: Source, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("bundle", "model-store")))
    for folder in (copy / "checkpoints").glob("step-*"):
        fingerprint = json.loads((folder / "fingerprint.json").read_text())
        fingerprint["samples"]["train"]["sha256"] = "11" * 32
        (folder / "fingerprint.json").write_text(json.dumps(fingerprint))
        checksums = json.loads((folder / "checksums.json").read_text())
        checksums["fingerprint.json"] = sha256(folder / "fingerprint.json")
        (folder / "checksums.json").write_text(json.dumps(checksums))
    assert origin_of_run(copy, card.step, source).data["train"] == {"samples": 1437, "sha256": "11" * 32}


def test_a_run_without_checkpoints_still_has_its_weights(
    run: Path, card: ModelCard, source: Source, tmp_path: Path
) -> None:
    """As it comes from a store, or was made before checkpoints had a fingerprint."""
    shutil.copytree(run / "model", tmp_path / "model")
    origin = origin_of_run(tmp_path, card.step, source)
    assert list(origin.steps) == ["model/model.yaml", "model/weights.safetensors"]
    assert (origin.recipe, origin.versions, set(origin.data)) == ({}, {}, {"train", "test"})
