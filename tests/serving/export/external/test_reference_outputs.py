"""A model is held against what it is known to give."""

from pathlib import Path

import numpy as np
import pytest

from tests.serving.export.tiny_reference import tiny_reference
from torchferry.errors import UserError
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
