"""The reference of a finished run gives what its checkpoint gives, on its own held-out samples."""

import dataclasses
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.untrained import save_untrained
from torchferry.contract.cells import CellText
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.contract.tasks.classes import Classification
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import ImageDecode
from torchferry.serving.export.trained import decode_of, input_of, load_trained, table_of
from torchferry.training.config.instantiate import Component
from torchferry.training.data.build_source import build_source
from torchferry.training.data.source import ImageInput, Input, TableInput, TensorInput
from torchferry.training.models.saved import load_model

IMAGE = ImageInput(mode="RGB", height=4, width=6, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3)
TABLE = TableInput(columns=("a", "b"), mean=(0.0, 0.0), std=(1.0, 1.0))


def test_the_digits_run_becomes_probabilities_of_ten_labels(run: Path) -> None:
    reference = load_trained(run)
    (image,), (probabilities,) = reference.inputs, reference.outputs
    assert (image.name, image.datatype, image.shape) == ("image", "UINT8", (-1, 1, 8, 8))
    assert (probabilities.name, probabilities.datatype, probabilities.shape) == ("probabilities", "FP32", (-1, 10))
    assert (reference.name, reference.task) == ("digits", Classification(labels=tuple("0123456789")))
    assert reference.provenance["trained_with_torch"] == torch.__version__
    assert not reference.module.training


def test_it_gives_the_checkpoints_own_probabilities(run: Path) -> None:
    reference = load_trained(run)
    inputs = reference.test.first(5)
    model, _ = load_model(run)
    with torch.no_grad():
        expected = model(torch.from_numpy(inputs["image"])).softmax(dim=1)
    np.testing.assert_allclose(reference.run(inputs)["probabilities"], expected, atol=1e-6)


def test_it_is_judged_on_the_held_out_samples_and_calibrated_with_the_others(run: Path) -> None:
    reference = load_trained(run)
    assert reference.calibration is not None
    parts = (reference.test, reference.calibration)
    assert [sum(len(inputs["image"]) for inputs, _ in part.batches()) for part in parts] == [360, 1437]
    assert not reference.test.random


def test_a_folder_that_is_no_finished_run_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a finished run folder"):
        load_trained(tmp_path)
    shutil.copytree(run / "model", tmp_path / "model")
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(UserError, match="is damaged"):
        load_trained(tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (IMAGE, ("image", "UINT8")),
        (TABLE, ("row", "FP32")),
        (replace(TABLE, datatype="float64"), ("row", "FP64")),
        (TensorInput(shape=(3, 2)), ("input", "FP32")),
        (TensorInput(shape=(7,), datatype="int64"), ("input", "INT64")),
    ],
)
def test_each_kind_of_input_has_its_name_and_datatype(given: Input, said: tuple[str, str]) -> None:
    assert input_of(given) == said


def test_only_images_are_decoded() -> None:
    assert decode_of(IMAGE) == ImageDecode(mode="RGB", height=4, width=6, interpolation="bicubic", exif="ignore")
    assert decode_of(dataclasses.replace(IMAGE, exif="apply")).exif == "apply"  # type: ignore[union-attr]
    cropped = decode_of(dataclasses.replace(IMAGE, resize="crop", fraction=0.875, antialias=False))
    assert cropped == ImageDecode(
        mode="RGB",
        height=4,
        width=6,
        interpolation="bicubic",
        resize="crop",
        fraction=0.875,
        antialias=False,
    )
    padded = decode_of(dataclasses.replace(IMAGE, resize="pad", fill=(1, 2, 3)))
    assert padded is not None
    assert (padded.resize, padded.fill) == ("pad", (1, 2, 3))
    assert decode_of(TABLE) is None
    assert decode_of(TensorInput(shape=(3, 2))) is None


def test_a_tables_columns_are_those_that_training_encoded(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id;age;sex;y\n4;1,5;f;0\n3;?;m;1\n2;3;f;2\n1;2;m;3\n")
    args = {"path": str(file), "target": "y", "missing": "fill", "missing_words": ["?"], "split_seed": 1}
    data = Component(name="table", args={**args, "columns_as": {"id": "ignore"}})
    source = build_source(data, "values")
    network = Component(name="torch.nn.Linear", args={"in_features": 3, "out_features": 1})
    save_untrained(tmp_path, source, data, network)
    (row,) = load_trained(tmp_path).inputs
    assert row.table is not None
    assert (row.table.names, row.table.numbers) == (("age", "sex"), ("age", "sex=f", "sex=m"))
    assert (row.table.targets, row.table.unread) == (("y",), ("id",))
    assert row.table.text == CellText(missing_words=("?",), decimal=",")
    assert row.allow_nan is True
    assert table_of(IMAGE, source) is None
    plain = table_of(TABLE, replace(source, cell_text=None, target_columns=(), unread_columns=()))
    assert plain == TableSpec(columns=(Encoder(column="a"), Encoder(column="b")))
