"""Our trainer beside a bare loop, in turn: images a second, and the share of the device's peak that they need."""

from collections.abc import Sequence
from functools import partial
from statistics import median

from torchferry.benchmarks.gpu.devices import peak_of
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.setting import TITLES, TRAINER, Setting
from torchferry.benchmarks.interval import paired_ratio
from torchferry.benchmarks.rounds import alternate, column
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.contestants import CONTESTANTS
from torchferry.benchmarks.training.trainers.systems import SYSTEMS
from torchferry.benchmarks.training.workload import Workload

BACKWARD_AND_FORWARD = 3
FLOP = (
    "FLOP of an image: torch.utils.flop_counter's for the forward pass (an addition and a multiplication are two), "
    "times three for the backward pass"
)


def resnet18(setting: Setting, outcome: Outcome) -> None:
    _compare(setting.workload("resnet18", batch=512, steps=300), setting, outcome)


def resnet50(setting: Setting, outcome: Outcome) -> None:
    if setting.small:
        outcome.left_out.append("ResNet-50 at 224 x 224: --small has no time for it")
        return
    _compare(setting.workload("resnet50", batch=256, steps=60), setting, outcome)


def _compare(work: Workload, setting: Setting, outcome: Outcome) -> None:
    title = TITLES[work.model]
    measures = {"ours": partial(ours.measure, work, trainer=TRAINER), "bare": partial(CONTESTANTS["bare"], work)}
    rounds = alternate(measures, setting.rounds, title=title, scratch=setting.scratch).whole()
    rates = {name: column(found, "samples_per_second") for name, found in rounds.items()}
    settings = f"{work.precision}, channels_last, batch {work.batch_size // work.processes} on each"
    ratio = paired_ratio(rates["ours"], rates["bare"])
    for name, words in (("ours", "our trainer"), ("bare", "bare loop")):
        used = utilization(median(rates[name]), work, setting.devices.names)
        to_bare = f"{ratio.median:.3f} of the bare loop, " if name == "ours" else ""
        rate = median(rates[name])
        outcome.add(f"{title}, {words}", f"{rate:,.0f} images/s", f"{to_bare}{used}; {settings}", rate)


def utilization(images_per_second: float, work: Workload, names: Sequence[str]) -> str:
    """In words: MFU where the device's peak is known, and the rate of FLOP in any case."""
    tflops = images_per_second * SYSTEMS[work.model].forward_gflop * BACKWARD_AND_FORWARD / 1000 / work.processes
    rate = f"{tflops:.3g} TFLOP/s on each"
    peaks = {peak_of(name) for name in names}
    peak = next(iter(peaks)) if len(peaks) == 1 else None
    return f"{rate}, MFU {tflops / peak.tflops:.1%}" if peak is not None else rate
