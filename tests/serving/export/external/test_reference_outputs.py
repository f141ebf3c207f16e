"""A model is held against what it is known to give."""

import os
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from tests.serving.export.onnx_graphs.graphs import written
from tests.serving.export.tiny_reference import tiny_reference
from torchferry.errors import UserError
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.external.reference_outputs import check_reference_outputs


def known() -> dict[str, np.ndarray]:
    reference = tiny_reference()
    return reference.run(next(iter(reference.test.batches()))[0])


def check(folder: Path, **arrays: np.ndarray) -> None:
    np.savez(folder / "known.npz", **arrays)  # type: ignore[arg-type]
    check_reference_outputs(tiny_reference(), folder / "known.npz")


def test_what_is_known_is_given(tmp_path: Path) -> None:
    check(tmp_path, **known())


def test_another_answer_is_refused_with_its_sample(tmp_path: Path) -> None:
    (name, values), *_ = known().items()
    values[2] += 0.1
    with pytest.raises(UserError, match=f"--reference: '{name}' of sample 2 differs by 0.1 from what the model"):
        check(tmp_path, **{name: values})


def test_what_is_no_answer_of_the_model_is_refused(tmp_path: Path) -> None:
    (name, values), *_ = known().items()
    for arrays, words in (
        ({"other": values}, f"has other, but no '{name}'"),
        ({name: values[:, :1]}, rf"'{name}' in .* is \[6, 1\]; \[samples, 2\] is expected"),
        ({name: values[:4]}, f"'{name}' has 4 samples, and --eval-data has 6"),
    ):
        with pytest.raises(UserError, match=words):
            check(tmp_path, **arrays)
    (tmp_path / "known.npz").write_text("no arrays")
    with pytest.raises(UserError, match=r"known\.npz is no .npz of plain arrays"):
        check_reference_outputs(tiny_reference(), tmp_path / "known.npz")


def test_answers_of_another_kind_are_refused(tmp_path: Path) -> None:
    (name, values), *_ = known().items()
    for odd in (values.astype(str), values.astype(bytes), values.astype(complex), values.astype("M8[D]")):
        with pytest.raises(UserError, match=rf"'{name}' in .* is of .*; FP32 is expected"):
            check(tmp_path, **{name: odd})


def test_strings_are_compared(tmp_path: Path) -> None:
    words = "graph (string[N] x) => (string[N] y) { y = Identity(x) }"
    np.savez(tmp_path / "samples.npz", x=np.array(["cat", "dög"]))
    options = ["--model", str(written(tmp_path, words)), "--eval-data", str(tmp_path / "samples.npz")]
    known = tmp_path / "known.npz"
    for values, said in (
        (np.array(["cat", "dög"]), None),
        (np.array([b"cat", "dög".encode()]), None),
        (np.array(["cat", "cow"]), "--reference: 'y' of sample 1 is 'cow', and the model gives 'dög' here"),
        (np.array([1.0, 2.0]), "'y' in .* is of float64; strings are expected"),
    ):
        np.savez(known, y=values)
        with nullcontext() if said is None else pytest.raises(UserError, match=said):
            load_given(parser().parse_args([*options, "--reference", str(known)]))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    with pytest.raises(UserError, match=r"--reference: .*pipe is no file"):
        check_reference_outputs(tiny_reference(), pipe)
