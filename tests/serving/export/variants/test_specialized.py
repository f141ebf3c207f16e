"""What torch.export says of sizes is said as --input has them."""

import pytest

from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.variants.specialized import specialized

SPECS = [
    TensorSpec(
        name="x",
        datatype="FP32",
        shape=(-1, -1, -1),
        axes=(Axis(at=1, name="t", least=1, most=64), Axis(at=2, name="u", least=1, most=64)),
    )
]


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        ("_t = Dim('_t', min=1, max=32)\n  t = 2*_t", "takes only multiples of 2 of 't'; say [t=LEAST..MOST/2]"),
        ("t = Dim('t', min=16, max=64)", "takes 't' only from 16 to 64; say [t=16..64]"),
        ("t = Dim('t', max=16)", "takes 't' only from LEAST to 16; say [t=LEAST..16]"),
        ("t = 24", "takes one size of 't' alone, 24; say that in place of its bounds"),
        ("u = t", "takes 'u' and 't' of one size alone; give both axes one name"),
    ],
)
def test_a_suggestion_is_said_in_words(fix: str, words: str) -> None:
    said = f"Constraints violated (t)!\n  - Not all values.\nSuggested fixes:\n  {fix}\n\nThe error above occurred"
    assert specialized(said, SPECS) == f"the network {words}"


def test_a_guard_without_a_suggestion_is_told() -> None:
    said = "Constraints violated (t)!\n  - Not all values of t = L['x'].size()[1] in the specified range t <= 64 "
    said += "satisfy the generated guard L['x'].size()[1] != 1."
    assert specialized(said, SPECS) == "the network does not take every size of t: L['x'].size()[1] != 1"


def test_what_is_not_of_sizes_is_left_to_others() -> None:
    assert specialized("no kernel", SPECS) == ""
    assert specialized("no kernel", []) == ""
