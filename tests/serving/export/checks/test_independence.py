"""A sample's answer may not depend on its company: a network where it does is refused, rounding is not taken for it."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving.deciding import CLEAR, TIED, Deciding
from tests.serving.dependent import DEPENDENT, INDEPENDENT, KEEPING, RANDOM, Branch, Of
from tests.serving.export.tiny_reference import half
from tests.serving.export.watching import Watching
from torchferry.contract.tasks.find import task_of
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.progress import Lines
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks.task import Served

DATATYPES = {torch.float32: "FP32", torch.int64: "INT64"}
Make = Callable[[], nn.Module]


def reference_of(network: nn.Module, data: torch.Tensor | None = None, **change: Any) -> Reference:
    """Of rows of 8 numbers, unless there are other `data`, and one output."""
    if data is None:
        data = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    module = Served(network, half("tensors")).eval()
    with torch.inference_mode():
        given = module(data[:2])
    row, output = (
        TensorSpec(name=name, datatype=DATATYPES[values.dtype], shape=(-1, *values.shape[1:]))
        for name, values in (("row", data), ("scores", given))
    )
    content: dict[str, Any] = {
        "name": "net",
        "task": task_of("tensors", ()).of_outputs({output.name: None}),
        "module": module,
        "inputs": (row,),
        "outputs": (output,),
        "test": Samples(TensorDataset(data), ("row",)),
        "calibration": None,
        "limits": {},
        "provenance": {},
    }
    return Reference(**content | change)


@pytest.mark.parametrize("make", DEPENDENT.values(), ids=DEPENDENT.keys())
def test_a_network_whose_samples_depend_on_each_other_is_refused_with_the_output_and_the_way_on(make: Make) -> None:
    words = (
        r"^model: its samples are not independent: 'scores' of a sample differs (by|in) .* between alone and in a batch"
    )
    with pytest.raises(UserError, match=words) as refused:
        Independence(reference_of(make()), 4)
    assert "--max-batch 1 and they compute each sample alone" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("make", DEPENDENT.values(), ids=DEPENDENT.keys())
def test_alone_there_is_nothing_to_depend_on(make: Make) -> None:
    independence = Independence(reference_of(make(), max_batch=1), 4)
    assert independence.of(Disturbed(), "onnx-fp32").refusal is None


@pytest.mark.parametrize("make", INDEPENDENT.values(), ids=INDEPENDENT.keys())
def test_what_is_rounded_differently_in_a_batch_is_no_dependence(make: Make) -> None:
    reference = reference_of(make())
    independence = Independence(reference, 4)
    assert independence.of(reference, "torch").refusal is None


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM.keys())
@pytest.mark.parametrize("max_batch", [None, 1])
def test_a_network_that_is_random_in_evaluation_is_named_so(make: Make, max_batch: int | None) -> None:
    with pytest.raises(UserError, match=r"^model: is random in evaluation: two equal calls differ by .* in 'scores'"):
        Independence(reference_of(make(), max_batch=max_batch), 4)


@pytest.mark.parametrize(("make", "kept"), KEEPING.values(), ids=KEEPING.keys())
@pytest.mark.parametrize("max_batch", [None, 1])
def test_a_network_that_keeps_something_is_refused_with_what_it_is(
    make: Make, kept: str, max_batch: int | None
) -> None:
    with pytest.raises(UserError, match=f"^model: keeps {kept} from one call to the next: two equal calls differ"):
        Independence(reference_of(make(), max_batch=max_batch), 4)


@pytest.mark.slow
def test_a_branch_of_torchs_own_is_refused() -> None:
    """Which compiles it, for many seconds."""
    with pytest.raises(UserError, match=r"its samples are not independent: 'scores'"):
        Independence(reference_of(Branch()), 4)


def test_a_network_that_cannot_compute_one_sample_says_so() -> None:
    class Needs(nn.Module):
        def forward(self, row: torch.Tensor) -> torch.Tensor:
            return nn.functional.batch_norm(row, None, None, training=True)

    with pytest.raises(UserError, match=r"^model: does not compute a sample alone.*Expected more than 1 value"):
        Independence(reference_of(Needs()), 4)


def test_a_network_that_cannot_compute_two_samples_says_so() -> None:
    class One(nn.Module):
        def forward(self, row: torch.Tensor) -> torch.Tensor:
            return row if len(row) in (1, 2) else row.reshape(1, 8)

    with pytest.raises(UserError, match=r"^model: a batch of 4 fails, .*, or say --max-batch 1 at .*shape '\[1, 8\]'"):
        Independence(reference_of(One()), 4)


def test_a_sample_that_the_network_does_not_take_is_not_blamed_on_its_company() -> None:
    ids = torch.zeros((40, 5), dtype=torch.int64)
    ids[5] = 50  # which is not compared
    with pytest.raises(UserError, match=r"^net: does not take its evaluation data.*IndexError"):
        Independence(reference_of(nn.Embedding(10, 3), ids), 4)


def test_a_branch_on_ids_that_no_sample_has_is_found() -> None:
    class Rare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(5000, 3)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            given = self.words(ids).mean(1)
            return torch.where((ids == 1000).any(), -given, given)

    few = torch.randint(0, 2, (64, 5), generator=torch.Generator().manual_seed(0))
    with pytest.raises(UserError, match="in a batch of 2 beside large whole numbers"):
        Independence(reference_of(Rare(), few), 4)


def test_only_batches_that_may_be_formed_are_asked() -> None:
    network = DEPENDENT["a branch on the length"]
    Independence(reference_of(network(), max_batch=20), 4)
    with pytest.raises(UserError, match="in a batch of 21"):
        Independence(reference_of(network(), max_batch=21), 4)


class Disturbed:
    """A session that gives the rows' sums, of which each of a batch has a share of its neighbours' added."""

    def __init__(self, share: float = 1.0) -> None:
        self.share = share

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        sums = np.clip(inputs["row"].sum(1, keepdims=True), -10, 10)
        beside = self.share * 10 * (len(sums) > 1)
        return {"scores": np.repeat(sums + beside, 3, axis=1).astype(np.float32)}


@pytest.mark.parametrize(
    ("variant", "share", "is_refused"),
    [
        ("onnx-fp32", 1e-4, False),
        ("onnx-fp32", 0.01, True),
        ("torch", 0.01, True),
        ("onnx-fp16", 0.001, False),
        ("onnx-fp16", 0.1, True),
        ("onnx-int8", 0.01, False),
        ("onnx-int8", 0.5, True),
    ],
)
def test_a_variant_is_judged_by_what_its_kind_may_lose(variant: str, share: float, is_refused: bool) -> None:
    found = Independence(reference_of(INDEPENDENT["a layer"]()), 4).of(Disturbed(share), variant)
    assert (found.refusal is not None) == is_refused
    assert found.largest == {"scores": pytest.approx(0 if is_refused else 10 * share, rel=1e-2)}
    if found.refusal:
        assert found.refusal.startswith("its samples are not independent: 'scores' of a sample differs by ")


@pytest.mark.parametrize("extreme", [True, False])
def test_only_an_extreme_neighbour_may_be_one_that_a_session_cannot_compute(extreme: bool) -> None:
    class Fails(Disturbed):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            if np.isnan(inputs["row"]).any() if extreme else len(inputs["row"]) == 5:
                raise RuntimeError("the graph cannot compute it")
            return super().run(inputs)

    independence = Independence(reference_of(INDEPENDENT["a layer"]()), 4)
    if extreme:
        assert independence.of(Fails(0.0), "onnx-fp32").refusal is None
    else:
        with pytest.raises(RuntimeError, match="cannot compute it"):
            independence.of(Fails(0.0), "onnx-fp32")


def test_what_eager_mode_rounds_a_variant_may_round_as_well() -> None:
    reference = reference_of(INDEPENDENT["what rounding leaves of zero"]())
    independence = Independence(reference, 4)
    independence.rounding["scores"] = 1e-6

    class Leaves(Disturbed):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"scores": np.full((len(inputs["row"]), 3), 5e-6 * (len(inputs["row"]) > 1), np.float32)}

    assert independence.of(Leaves(), "onnx-fp32").refusal is None


def test_an_output_with_other_rows_than_its_batch_is_refused() -> None:
    class Fewer(Disturbed):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: values[: max(1, len(values) - 1)] for name, values in super().run(inputs).items()}

    found = Independence(reference_of(INDEPENDENT["a layer"]()), 4).of(Fewer(0.0), "onnx-fp32")
    assert found.refusal == "its samples are not independent: 'scores' has 1 rows for a batch of 2"


@pytest.mark.parametrize("most", [None, 1])
def test_its_passes_say_how_far_they_are(most: int | None) -> None:
    seen, reference = Watching(), reference_of(INDEPENDENT["a layer"](), max_batch=most)
    Independence(reference, 4, seen).of(reference, "torch")
    for total, *read in seen.passes:
        assert total == sum(size for size in read if size) == (0 if most else total)
    if not most:
        checkpoint, variant = (read for _, *read in seen.passes)
        assert checkpoint[:5] == [2, 3, 5, 32, 8]
        assert variant == [size for size in checkpoint if size != 32]  # which the gate asks it for


def chaotic(steps: int) -> Make:
    """The logistic map, in which a difference grows by about 1.6 a step."""

    def made(of: Of, row: torch.Tensor) -> torch.Tensor:
        given = of.layer(row).sigmoid()
        for _ in range(steps):
            given = 3.9 * given * (1 - given)
        return given

    return lambda: Of(made)


def test_a_network_that_grows_what_is_rounded_to_a_share_of_its_values_is_refused() -> None:
    words = r"^model: its answers cannot be compared: 'scores' of a sample differs by 0\.\d+ .*, by nothing but what f"
    with pytest.raises(UserError, match=words) as refused:
        Independence(reference_of(chaotic(40)()), 4)
    assert "\n" not in str(refused.value)
    # Its answers in one batch are alike; alone there is nothing else to compare them with.
    Independence(reference_of(chaotic(40)(), max_batch=1), 4)


@pytest.mark.parametrize("make", [lambda: Residual(100), chaotic(15)], ids=["100 blocks", "a few steps"])
def test_a_deep_network_is_not_chaotic(make: Make) -> None:
    reference = reference_of(make())
    independence = Independence(reference, 4)
    assert independence.rounding["scores"] < 0.01 * independence.scales["scores"]
    assert independence.of(reference, "torch").refusal is None


class Residual(nn.Module):
    """Blocks of random weights, each added to what comes before it."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16)) for _ in range(blocks)
        )

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        given = self.first(row)
        for block in self.blocks:
            given = given + block(given)
        return self.last(given)


@pytest.mark.parametrize("share", [0.001, 0.01])
def test_a_dependence_in_a_network_that_rounds_much_is_still_one(share: float) -> None:
    rounds = chaotic(20)()
    assert Independence(reference_of(rounds), 4).rounding["scores"] > 1e-3
    with pytest.raises(UserError, match=r"^model: its samples are not independent"):
        Independence(reference_of(Of(lambda _, row: rounds(row) + share * row.mean())), 4)


def test_whole_numbers_of_nothing_but_rounding_are_refused() -> None:
    """Digits that float32 does not have."""
    digits = Of(lambda _, row: (1e9 * chaotic(20)()(row)).long() % 10)
    with pytest.raises(
        UserError, match=r"^model: its (answers cannot be compared|samples are not independent): 'scores'"
    ):
        Independence(reference_of(digits), 4)


@pytest.mark.parametrize(("tied", "is_refused"), [(True, False), (False, True)])
def test_a_variant_may_decide_a_near_tie_otherwise_in_a_batch_and_nothing_clear(tied: bool, is_refused: bool) -> None:
    rows = torch.tensor([CLEAR] * 40)
    rows[0] = torch.tensor(TIED)
    reference = reference_of(Deciding(), rows)

    class Other:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs, is_tied = reference.run(inputs), (inputs["row"] == np.array(TIED, np.float32)).all(1)
            return {"scores": outputs["scores"] ^ ((is_tied == tied) & (len(is_tied) > 1))}

    found = Independence(reference, 4).of(Other(), "onnx-fp32").refusal
    assert (found is not None) == is_refused
    if found:
        assert found.startswith("its samples are not independent: 'scores' of a sample differs in ")


def test_rounding_allows_a_variant_no_more_than_a_share_of_the_output() -> None:
    independence = Independence(reference_of(INDEPENDENT["a layer"]()), 4)
    largest = independence.scales["scores"]
    independence.rounding["scores"] = 0.04 * largest
    for share, is_refused in ((0.045, False), (0.055, True)):
        found = independence.of(Disturbed(share * largest / 10), "torch")
        assert (found.refusal is not None) == is_refused


@pytest.mark.parametrize(("by", "is_refused"), [(2**-23, False), (0.5, True)])
def test_of_whole_numbers_near_ties_are_rounding_where_float64_is_not_to_be_had(
    by: float, is_refused: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def decided(_: Of, row: torch.Tensor) -> torch.Tensor:
        if row.dtype != torch.float32:
            raise TypeError("float32 alone")
        return (row * (1 + (len(row) > 1) * torch.tensor([0, by]))).argmax(1)

    rows = torch.tensor([[1.2, 1.0], [1.0, 1.2], [1.3, 1.3]] + [[1.2, 1.0], [1.0, 1.2]] * 31)
    with pytest.raises(UserError, match="not independent") if is_refused else nullcontext():
        Independence(reference_of(Of(decided), rows), 4, Lines())
    assert "model: is not computed in float64 (TypeError: float32 alone)" in capsys.readouterr().out
