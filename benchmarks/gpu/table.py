"""The findings as a table in Markdown to paste, and the same for the JSON file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from torchferry.benchmarks import host
from torchferry.benchmarks.gpu.devices import peak_of
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.setting import Setting
from torchferry.benchmarks.gpu.throughput import FLOP
from torchferry.benchmarks.training.trainers import stand_ins

NO_FIGURES = "NOT FIGURES OF A GPU: tiny sizes on a CPU, to see that the parts run."
TINY = "NOT FIGURES: tiny sizes, to see that the parts run."


def table(setting: Setting, outcomes: Sequence[Outcome]) -> str:
    lines = [*_head(setting), "", "| what | result | |", "|---|---|---|"]
    for outcome in outcomes:
        lines += [f"| {line.what} | {line.result} | {line.note} |" for line in outcome.lines]
        if outcome.failed:
            lines.append(f"| {outcome.part} | FAILED | {outcome.failed} |")
    took = ", ".join(f"{outcome.part} {outcome.seconds:.0f} s" for outcome in outcomes)
    return "\n".join([*lines, "", *_foot(setting, outcomes), f"Parts: {took}."])


def results(setting: Setting, outcomes: Sequence[Outcome]) -> dict[str, object]:
    peaks = {name: peak_of(name) for name in setting.devices.names}
    return {
        "gpu_figures": setting.devices.kind == "cuda" and not setting.small,
        "small": setting.small,
        "devices": asdict(setting.devices),
        "peaks": {name: None if peak is None else asdict(peak) for name, peak in peaks.items()},
        "flop": FLOP,
        "missing_packages": stand_ins.missing(),
        "parts": [asdict(outcome) for outcome in outcomes],
    }


def _head(setting: Setting) -> list[str]:
    machine, found = host.describe(), setting.devices
    counted = Counter(found.names or (str(machine["processor"]),))
    where = ", ".join(f"{count} x {name}" for name, count in counted.items())
    versions = f"torch {found.torch}" + (f", CUDA {found.cuda}" if found.names else "")
    head = [f"{where}; {machine['cores']} cores; Python {machine['python']}, {versions}"]
    if setting.small:
        head.insert(0, NO_FIGURES if found.kind == "cpu" else TINY)
    return head


def _foot(setting: Setting, outcomes: Sequence[Outcome]) -> list[str]:
    lines = [f"{FLOP}."]
    for name in dict.fromkeys(setting.devices.names):
        peak = peak_of(name)
        lines.append(
            f"{name}: no peak is known here, so there is no MFU."
            if peak is None
            else f"{name}: peak {peak.tflops:,.0f} TFLOP/s in bfloat16, by {peak.source}."
        )
    if left_out := [what for outcome in outcomes for what in outcome.left_out]:
        lines.append(f"Left out: {'; '.join(left_out)}.")
    if lacking := stand_ins.missing():
        lost = "; ".join(f"{name}: {stand_ins.WITHOUT[name]}" for name in lacking)
        lines.append(f"Packages that are missing: {lost}.")
    return lines
