"""`training`: trainers are compared within each round."""

from pathlib import Path

import pytest

from tests.benchmarks.training.given import workload
from torchferry.benchmarks.training import throughput
from torchferry.benchmarks.training.throughput import compare, table
from torchferry.errors import UserError

RATES = {"ours": [1e6, 5e5], "bare": [2e6, 1e6], "fabric": [5e5, 2.5e5]}


def rounds(*names: str) -> dict[str, list[dict[str, float]]]:
    """The second at half the speed."""
    return {name: [{"samples_per_second": rate, "first_loss": 2.5} for rate in RATES[name]] for name in names}


def test_each_is_compared_with_the_bare_loop_and_with_ours() -> None:
    ours, bare, fabric = compare(workload(), rounds("ours", "bare", "fabric"), None)
    assert [one.trainer for one in (ours, bare, fabric)] == ["ours", "bare", "fabric"]
    assert ours.samples_per_second == 750_000
    assert [str(one.to_bare)[:5] for one in (ours, bare, fabric)] == ["0.500", "1.000", "0.250"]
    assert [str(one.ours_to_it)[:5] for one in (ours, bare, fabric)] == ["1.000", "0.500", "2.000"]
    assert (ours.first_loss, ours.rounds, ours.model_flops_utilization) == (2.5, RATES["ours"], None)


def test_without_the_one_to_compare_with_there_is_no_ratio() -> None:
    (ours,) = compare(workload(), rounds("ours"), None)
    assert (ours.to_bare, str(ours.ours_to_it)) == (None, "1.000 [1.000, 1.000]")
    (bare,) = compare(workload(), rounds("bare"), None)
    assert (str(bare.to_bare), bare.ours_to_it) == ("1.000 [1.000, 1.000]", None)
    assert " ".join(table([bare]).splitlines()[1].split()) == "digits 2 bare 1,500,000 1.000 [1.000, 1.000] - 2"


def test_the_share_of_the_peak_counts_every_device() -> None:
    # 750,000 samples a second of three times 3.84 million operations are 8.64 of two times 10 million million.
    (ours,) = compare(workload(processes=2), rounds("ours"), 10)
    assert ours.model_flops_utilization == pytest.approx(0.432)
    assert table([ours]).endswith("  2  MFU 43.2%")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--trainers", "nobody"), "--trainers: there is no 'nobody'"),
        (("--peak-tflops", "0"), "--peak-tflops: 0.0 is too small; give a number above 0"),
        (("--models", "nobody"), "argument --models: there is no model 'nobody'"),
        (("--steps", "0"), "--steps: 0 is too small"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        throughput.main(["--scratch", str(tmp_path / "scratch"), *change])
    assert str(refused.value).startswith(words)
