"""Images a second become FLOP/s, and a share of the peak where that is known."""

from pathlib import Path

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu import throughput
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.throughput import resnet18, resnet50, utilization
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.workload import Workload

H200 = "NVIDIA H200"


@pytest.mark.parametrize(
    ("names", "rate", "words"),
    [
        # 8.18 GFLOP times 3 for an image; 4,032 of them are 98.95 TFLOP/s.
        ([H200], 4032.2, "99 TFLOP/s on each, MFU 10.0%"),
        ([H200, H200], 4032.2, "49.5 TFLOP/s on each, MFU 5.0%"),
        (["card"], 4032.2, "99 TFLOP/s on each"),
        ([H200, "card"], 4032.2, "49.5 TFLOP/s on each"),
    ],
)
def test_utilization(names: list[str], rate: float, words: str, tmp_path: Path) -> None:
    work = setting(tmp_path, *names).workload("resnet50", batch=256, steps=10)
    assert utilization(rate, work, names) == words


def test_ours_and_the_bare_loop_run_in_turn_and_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def trains(name: str, rate: float) -> object:
        def measure(work: Workload, _: Path, **__: object) -> dict[str, float]:
            called.append((name, work.model, work.batch_size))
            return {"samples_per_second": rate}

        return measure

    monkeypatch.setattr(ours, "measure", trains("ours", 110.0))
    monkeypatch.setitem(throughput.CONTESTANTS, "bare", trains("bare", 100.0))
    outcome = Outcome("resnet18")
    resnet18(setting(tmp_path, H200, rounds=2), outcome)
    assert called == [("ours", "resnet18", 512), ("bare", "resnet18", 512)] * 2
    first, second = outcome.lines
    assert (first.what, first.result, first.value) == ("ResNet-18, 32 x 32, our trainer", "110 images/s", 110.0)
    assert first.note.startswith("1.100 of the bare loop, ")
    assert first.note.endswith("; bf16, channels_last, batch 512 on each")
    assert second.what == "ResNet-18, 32 x 32, bare loop"


def test_small_sizes_leave_resnet50_out(tmp_path: Path) -> None:
    outcome = Outcome("resnet50")
    resnet50(setting(tmp_path), outcome)
    assert outcome.left_out == ["ResNet-50 at 224 x 224: --small has no time for it"]
