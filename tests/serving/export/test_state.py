"""`--state`: checked against what the model has, and written into the bundle."""

from pathlib import Path

import numpy as np
import pytest

from tests.serving.export.tiny_reference import tiny_reference
from tests.serving.stateful import STATE, Adding, reference_of
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.state import start_of
from torchferry.serving.export import export_command
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.state import with_state
from torchferry.serving.session import open_variant

PAIR = ["total=next_total"]


def bare() -> Reference:
    """Of a network that could carry state, and of which nobody has said it."""
    return reference_of(Adding(), state={}, start={})


def saved(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "start.npz", **arrays)  # type: ignore[arg-type]
    return folder / "start.npz"


def test_zeros_are_assumed_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    made = with_state(bare(), PAIR, None)
    assert made.state == STATE
    np.testing.assert_array_equal(made.start["total"], np.zeros(2, np.float32))
    assert capsys.readouterr().out == (
        "--state: a sequence begins with zeros in total; --state-start gives other values\n"
    )


def test_nothing_is_carried_where_nothing_is_said() -> None:
    reference = bare()
    assert with_state(reference, [], None) is reference


@pytest.mark.parametrize("values", [np.arange(2.0), np.arange(2, dtype=np.int8)[None]])
def test_a_start_may_be_of_any_numbers_that_fit(tmp_path: Path, values: np.ndarray) -> None:
    made = with_state(bare(), PAIR, saved(tmp_path, total=values))
    assert made.start["total"].dtype == np.float32
    assert made.start["total"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["total"], "--state: 'total' is not IN=OUT, an input and the output that comes back in it"),
        (["total=next_total@x"], "--state: 'total=next_total@x' is not IN=OUT"),
        (["=y"], "--state: '=y' is not IN=OUT"),
        ([*PAIR, "total=y"], "--state: 'total' is given twice"),
        (["totals=next_total"], "--state: there is no input 'totals'; did you mean total?"),
    ],
)
def test_pairs_that_are_none_are_refused(pairs: list[str], words: str) -> None:
    with pytest.raises(UserError) as refused:
        with_state(bare(), pairs, None)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "has no 'total'; it has nothing"),
        ({"totl": np.zeros(2)}, "has 'totl', which is no state; did you mean total?"),
        ({"total": np.zeros(3)}, "start.npz is [3]; [2] is expected"),
        ({"total": np.zeros((2, 2))}, "is [2, 2]; [2] is expected"),
        ({"total": np.array(["a", "b"])}, "is <U1; float32 is expected"),
        ({"total": np.array([np.nan, 0])}, "is not finite"),
        ({"total": np.array([1e300, 0])}, "is not finite"),
    ],
)
def test_a_start_that_is_none_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    file = saved(tmp_path, **arrays)
    with pytest.raises(UserError, match=r"^--state-start: ") as refused:
        with_state(bare(), PAIR, file)
    assert words in str(refused.value)


def test_a_start_without_state_or_without_a_file_is_refused(tmp_path: Path) -> None:
    reference = bare()
    with pytest.raises(UserError, match=r"^--state-start: is for --state IN=OUT, which is missing"):
        with_state(reference, [], tmp_path / "start.npz")
    with pytest.raises(UserError, match=r"^--state-start: .*start\.npz is no \.npz of plain arrays"):
        with_state(reference, PAIR, tmp_path / "start.npz")


def test_a_tasks_own_outputs_are_all_that_is_served() -> None:
    words = "there is no output 'hidden'; the model has probabilities; classification answers nothing else, and --task "
    with pytest.raises(UserError) as refused:
        with_state(tiny_reference(), ["row=hidden"], None)
    assert words in str(refused.value)


@pytest.mark.slow
def test_a_recurrent_network_is_exported_with_its_state_and_goes_on_by_itself(tmp_path: Path) -> None:
    start = saved(tmp_path, hidden=np.full(5, 0.5, np.float32))
    export_command.main(
        ["--model", "tests.serving.stateful:Fed", "--input", "piece=tensor:FP32:6", "--input", "hidden=tensor:FP32:5",
         "--state", "hidden=hidden_output", "--state-start", str(start), "-o", str(tmp_path / "bundle")]
    )  # fmt: skip
    bundle = bundles.load(tmp_path / "bundle")
    assert bundle.state == {"hidden": "hidden_output"}
    assert {"torch", "onnx-fp32"} <= set(bundle.accepted)
    begun = start_of(bundle)
    np.testing.assert_array_equal(begun["hidden"], np.full((1, 5), 0.5, np.float32))
    sessions = [open_variant(bundle, name, threads=1) for name in ("torch", "onnx-fp32")]
    pieces = np.random.default_rng(0).standard_normal((20, 1, 6), np.float32)
    one: list[np.ndarray] = []
    other: list[np.ndarray] = []
    for session, scores in zip(sessions, (one, other), strict=True):
        carried = begun
        for piece in pieces:
            given = session.run({"piece": piece, **carried})
            carried = {"hidden": given["hidden_output"]}
            scores.append(given["scores"])
    np.testing.assert_allclose(one, other, atol=1e-5)
