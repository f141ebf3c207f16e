import math

import numpy as np
import pytest

from torchferry.contract.axes import NAN, Axis, cut, pad_value, read_axes, sizes_of, stacked, unequal, wrong_size
from torchferry.serving.bundle.tensor_spec import TensorSpec

TOKENS = Axis(at=1, name="tokens", least=2, most=8)
IDS = TensorSpec(name="ids", datatype="INT64", shape=(-1, -1), axes=(TOKENS,))
MASK = TensorSpec(name="mask", datatype="BOOL", shape=(-1, -1), axes=(TOKENS,))


def test_sizes_lie_between_the_bounds_and_are_multiples_of_the_step() -> None:
    axis = Axis(at=2, name="height", least=60, most=130, step=32)
    assert list(axis.sizes) == [64, 96, 128]
    assert [size for size in range(200) if axis.takes(size)] == [64, 96, 128]
    assert axis.words == "multiple of 32 from 60 to 130"
    assert TOKENS.words == "2 to 8"


def test_an_axis_without_bounds_takes_any_size() -> None:
    assert Axis(at=1, name="rows", least=0, most=None).takes(10**9)


@pytest.mark.parametrize(
    "wrong",
    [{"at": 0}, {"least": 9}, {"least": -1}, {"step": 0}, {"step": 16}, {"most": 2.5}, {"most": True}, {"name": ""}],
)
def test_bounds_without_a_size_between_them_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="axis"):
        Axis(**{"at": 1, "name": "tokens", "least": 1, "most": 8} | wrong)  # type: ignore[arg-type]


def test_a_size_outside_the_bounds_is_told_with_them() -> None:
    assert wrong_size(IDS, [1, 8]) == ""
    assert wrong_size(IDS, [1, 9]) == "'ids' has 9 tokens; the model takes 2 to 8"


def test_inputs_that_share_an_axis_have_one_size() -> None:
    tensors = {"ids": np.zeros((1, 3)), "mask": np.zeros((1, 3))}
    assert unequal([IDS, MASK], tensors) == ""
    assert unequal([IDS, MASK], tensors | {"mask": np.zeros((1, 4))}) == (
        "'mask' has 4 tokens, and 'ids' has 3; they share that axis"
    )


def test_nan_stands_behind_a_sample_by_name() -> None:
    assert math.isnan(pad_value(NAN))
    assert pad_value(0) == 0
    assert pad_value(2**53 + 1) == 2**53 + 1
    with pytest.raises(ValueError, match="float"):
        pad_value("nothing")


def test_axes_are_read_only_where_the_shape_varies() -> None:
    said = {"at": 1, "name": "tokens", "least": 2, "most": 8, "step": 1}
    assert read_axes([said], (-1, -1)) == (TOKENS,)
    with pytest.raises(ValueError, match="shape"):
        read_axes([], (-1, -1))
    with pytest.raises(ValueError, match="shape"):
        read_axes([said], (-1, 3))


def test_shorter_samples_are_padded_to_the_longest() -> None:
    ids = TensorSpec(name="ids", datatype="INT64", shape=(-1, -1), axes=(TOKENS,), pad=7)
    tensors = [np.array([[1, 2]]), np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1]])]
    assert stacked(tensors, ids).tolist() == [[1, 2, 7], [1, 2, 3], [4, 5, 6], [1, 7, 7]]
    assert stacked(tensors, ids).dtype == np.int64


def test_several_axes_are_padded_and_what_does_not_vary_is_left() -> None:
    axes = (Axis(at=1, name="rows", most=9), Axis(at=3, name="steps", most=9))
    spec = TensorSpec(name="x", datatype="FP32", shape=(-1, -1, 2, -1), axes=axes, pad=NAN)
    first, second = np.ones((1, 3, 2, 1), np.float32), np.ones((2, 1, 2, 4), np.float32)
    whole = stacked([first, second], spec)
    assert whole.shape == (3, 3, 2, 4)
    assert np.isnan(whole[0, :, :, 1:]).all()
    assert np.isnan(whole[1:, 1:]).all()
    assert (whole[0, :, :, :1] == first).all()
    assert (whole[1:, :1] == second).all()


def test_samples_of_unequal_sizes_without_a_pad_are_not_put_together() -> None:
    with pytest.raises(ValueError, match=r"\[2\], \[3\]"):
        stacked([np.zeros((1, 2)), np.zeros((1, 3))], IDS)
    assert stacked([np.zeros((1, 2)), np.zeros((3, 2))], IDS).shape == (4, 2)


def test_an_output_is_cut_to_its_samples_size() -> None:
    logits = TensorSpec(name="logits", datatype="FP32", shape=(-1, -1, 3), axes=(Axis(at=1, name="tokens"),))
    sizes = sizes_of([IDS, MASK], {"ids": np.zeros((1, 2)), "mask": np.zeros((1, 2))})
    assert sizes == {"tokens": 2}
    assert cut(np.zeros((1, 5, 3)), logits, sizes).shape == (1, 2, 3)
    assert cut(np.zeros((1, 5, 3)), logits, {}).shape == (1, 5, 3)
