"""Models to ask: one that gives every datatype back, and one for a table's rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from torchferry.contract.tasks.tensors import Tensors
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import DTYPES
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples

COLUMNS = 3


class Mirror(nn.Module):
    """Gives each row from right to left, so that an answer is not just the request again."""

    def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(values.flip(1) for values in given)


def export_mirror(folder: Path, name: str = "mirror", datatypes: Sequence[str] = tuple(DTYPES)) -> Path:
    """Takes `in_BOOL` to `in_FP64` of [batch, 3] and gives `out_BOOL` to `out_FP64`."""
    numbers = np.arange(8 * COLUMNS).reshape(8, COLUMNS)
    few = [torch.from_numpy(numbers.astype(DTYPES[datatype])) for datatype in datatypes]
    inputs, outputs = (
        tuple(TensorSpec(name=f"{side}_{datatype}", datatype=datatype, shape=(-1, COLUMNS)) for datatype in datatypes)
        for side in ("in", "out")
    )
    reference = Reference(
        name=name,
        task=Tensors(of_output=dict.fromkeys(spec.name for spec in outputs)),
        module=Mirror().eval(),
        inputs=inputs,
        outputs=outputs,
        test=Samples(TensorDataset(*few), tuple(spec.name for spec in inputs)),
        calibration=None,
        limits={},
        provenance={},
    )
    return export(reference, folder / name, ["onnx-fp32"], {}, "1.0").root


def export_table(folder: Path) -> Path:
    """Called `table`; takes `row` of [batch, 8] and answers yes or no."""
    (folder / "labels").write_text("no\nyes\n")
    options = ["--model", "tests.serving.networks.one_logit", "--input", "table:8", "--name", "table"]
    options += ["--task", "binary", "--labels", str(folder / "labels")]
    reference = load_given(parser().parse_args(options))
    return export(reference, folder / "table", ["onnx-fp32"], {}, "1.0").root


def extremes() -> dict[str, np.ndarray]:
    """Two rows of each datatype, with its smallest and largest value among them."""
    values = {"BOOL": np.array([[False, True, True], [True, False, False]])}
    for datatype, dtype in DTYPES.items():
        if dtype.kind in "iu":
            range_ = np.iinfo(dtype)
            values[datatype] = np.array([[range_.min, range_.max, 1], [2, 3, 4]], dtype)
        elif dtype.kind == "f":
            reals = np.finfo(dtype)
            values[datatype] = np.array([[reals.min, reals.max, 0.1], [-0.0, reals.tiny, 1 / 3]], dtype)
    return values
