"""The most elements that a sample may have."""

from tests.serving.encoded_bundles import MOST_TOKENS, TEXT
from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.sample_cost import most_elements


def test_axes_that_vary_count_with_their_most() -> None:
    steps = TensorSpec(name="steps", datatype="FP32", shape=(-1, -1, 3), axes=(Axis(at=1, name="steps", most=50),))
    assert [most_elements(spec) for spec in (TEXT, steps)] == [MOST_TOKENS, 150]
    assert most_elements(TensorSpec(name="row", datatype="FP32", shape=(-1, 4, 2))) == 8
