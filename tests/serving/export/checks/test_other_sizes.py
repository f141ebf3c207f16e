"""A variant is held against the checkpoint at sizes that no sample may have."""

from collections.abc import Mapping

import numpy as np

from tests.serving.export.varying_nets import Bag, bag_reference
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.other_sizes import OtherSizes
from torchferry.serving.export.reference import Reference


class Odd:
    """Answers something else from so many tokens on."""

    def __init__(self, reference: Reference, size: int, what: str) -> None:
        self.reference, self.size, self.what = reference, size, what

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = self.reference.run(inputs)
        if inputs["ids"].shape[1] < self.size:
            return given
        if self.what == "raises":
            raise RuntimeError("no kernel")
        return {"scores": given["scores"] + 1 if self.what == "differs" else given["scores"][:, :1]}


def refusal(size: int, what: str) -> str | None:
    reference = bag_reference(Bag())
    usual = Expected(reference).measure(reference)
    return OtherSizes(reference).refusal(Odd(reference, size, what), "onnx-fp32", usual)


def test_the_checkpoint_itself_passes_at_all_sizes() -> None:
    assert [call.sizes["tokens"] for call in OtherSizes(bag_reference(Bag())).calls] == [1, 2, 6, 13, 32]
    assert refusal(33, "differs") is None


def test_another_answer_at_a_bound_is_refused_with_the_size() -> None:
    assert (refusal(32, "differs") or "").startswith(
        "'scores' differs by 1 from the checkpoint's for 32 tokens, allowed"
    )
    assert refusal(6, "shape") == "gives 'scores' as [2, 1] instead of [2, 2] for 6 tokens"
    assert refusal(1, "raises") == "does not compute 1 tokens: RuntimeError: no kernel"
