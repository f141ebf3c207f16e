"""Sizes of random samples: drawn as they are asked for, within what the model takes, or refused in one line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from torchferry.benchmarks.load.sizes import GivenSizes, drawn, summary, words
from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec

TOKENS = Axis(at=1, name="tokens", least=1, most=512)
FRAMES = Axis(at=2, name="frames", least=32, most=512, step=32)
ANY = Axis(at=1, name="axis1")


def spec(*axes: Axis, name: str = "ids") -> TensorSpec:
    shape = [-1, 4, 4]
    for axis in axes:
        shape[axis.at] = -1
    return TensorSpec(name=name, datatype="INT64", shape=tuple(shape), axes=axes)


def sizes(axis: Axis, *given: str, count: int = 2000) -> list[int]:
    found = drawn([spec(axis)], [GivenSizes.of(each) for each in given], count, np.random.default_rng(0))
    return [each[axis.name] for each in found]


def test_a_range_has_each_of_its_sizes_as_often() -> None:
    found = sizes(TOKENS, "tokens=8..11")
    assert set(found) == {8, 9, 10, 11}
    assert 440 < found.count(8) < 560
    assert set(sizes(FRAMES, "40..130")) == {64, 96, 128}


def test_a_lognormal_has_its_median_and_stays_within_the_bounds() -> None:
    found = sizes(TOKENS, "tokens=lognormal:40:1")
    assert 36 < np.median(found) < 44
    assert (min(found) >= 1, max(found) <= 512) == (True, True)
    assert set(sizes(FRAMES, "lognormal:40:0")) == {32}


def test_a_file_has_one_size_a_line(tmp_path: Path) -> None:
    (tmp_path / "lengths").write_text("5\n5\n5\n70\n")
    found = sizes(TOKENS, f"tokens={tmp_path / 'lengths'}")
    assert set(found) == {5, 70}
    assert found.count(5) > 2 * found.count(70)


def test_without_being_asked_all_that_the_model_takes_is_sent() -> None:
    found = sizes(TOKENS)
    assert (min(found) < 10, max(found) > 500) == (True, True)
    assert drawn([TensorSpec(name="x", datatype="FP32", shape=(-1, 4))], [], 2, np.random.default_rng(0)) == [{}, {}]


def test_inputs_that_share_an_axis_share_its_size_and_others_do_not() -> None:
    specs = [spec(TOKENS), spec(TOKENS, FRAMES, name="mask")]
    asked = [GivenSizes.of("tokens=3..3"), GivenSizes.of("64..64")]
    assert drawn(specs, asked, 2, np.random.default_rng(0)) == [{"tokens": 3, "frames": 64}] * 2


@pytest.mark.parametrize(
    ("axis", "given", "refusal"),
    [
        (TOKENS, "token=8..12", "the model has no axis 'token'; did you mean tokens?"),
        (TOKENS, "pixels=8..12", "the model has no axis 'pixels'; it has tokens"),
        (TOKENS, "0..12", "'0..12' has 0; the model takes 1 to 512 tokens"),
        (TOKENS, "500..513", "'500..513' has 513; the model takes 1 to 512 tokens"),
        (TOKENS, "12..8", "'12..8' has no size; the model takes 1 to 512 tokens"),
        (FRAMES, "33..63", "'33..63' has no size; the model takes multiple of 32 from 32 to 512 frames"),
        (TOKENS, "lognormal:40", "'lognormal:40' is not of the form lognormal:MEDIAN:SIGMA, as lognormal:40:0.8"),
        (TOKENS, "lognormal:-1:0.5", "is not of the form lognormal:MEDIAN:SIGMA"),
        (TOKENS, "uniform", "'uniform' is no file that can be read; give LEAST..MOST, lognormal:MEDIAN:SIGMA, or"),
        (TOKENS, "tokens=", "'tokens=' says no sizes; give LEAST..MOST"),
    ],
)
def test_sizes_that_do_not_do_are_refused(axis: Axis, given: str, refusal: str) -> None:
    with pytest.raises(UserError) as error:
        sizes(axis, given)
    assert str(error.value).startswith("--sizes: ")
    assert refusal in str(error.value)


def test_a_file_with_a_word_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lengths").write_text("5\nfive\n")
    with pytest.raises(UserError, match=r"lengths: a line is no whole number .*'five'.*; give one size a line"):
        sizes(TOKENS, str(tmp_path / "lengths"))


@pytest.mark.parametrize(
    ("specs", "given", "refusal"),
    [
        ([spec(ANY)], [], "--input: nothing says what axis1 of 'ids' may be; give --sizes axis1=8..128"),
        (
            [TensorSpec(name="x", datatype="FP32", shape=(-1, 4))],
            ["8..9"],
            "--sizes: the model has no axis that varies",
        ),
    ],
)
def test_sizes_that_nobody_says_or_that_are_none_are_refused(
    specs: Sequence[TensorSpec], given: Sequence[str], refusal: str
) -> None:
    with pytest.raises(UserError, match=refusal):
        drawn(specs, [GivenSizes.of(each) for each in given], 2, np.random.default_rng(0))


def test_what_was_sent_is_told_by_axis() -> None:
    requests = [{"ids": np.zeros((2, length, 4))} for length in (8, 10, 1200)]
    found = summary([spec(TOKENS)], requests)
    assert found == {"tokens": {"least": 8, "median": 10, "mean": 406, "most": 1200}}
    assert words(found) == ["8 to 1,200 tokens, half of them up to 10"]
