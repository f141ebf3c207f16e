"""Our trainer in every precision and layout: whether it learns in each, and how fast it is."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.setting import TITLES, TRAINER, Setting
from torchferry.benchmarks.rounds import alternate
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.workload import Workload

SKIPS = 20
"""fp16's loss scale is found by steps that are left out."""
TOLERANCE = 0.1
"""How far the first loss may be from that in fp32: rounding shows in the third digit, a wrong layout in the first."""


class Mode(NamedTuple):
    precision: str
    channels_last: bool = False
    compile: bool = False
    device_resident: bool = True

    @property
    def title(self) -> str:
        words = [self.precision + (" with GradScaler" if self.precision == "fp16" else "")]
        words += ["channels_last"] * self.channels_last + ["torch.compile"] * self.compile
        return ", ".join([*words, "device_resident" if self.device_resident else "from host memory"])


MODES = (
    Mode("fp32"),
    Mode("bf16"),
    Mode("fp16"),
    Mode("bf16", channels_last=True),
    Mode("bf16", channels_last=True, device_resident=False),
    Mode("bf16", channels_last=True, compile=True),
)
SMALL = (MODES[2],)
"""The one that has a scaler, which the others go without."""


def run(setting: Setting, outcome: Outcome) -> None:
    plain: float | None = None
    failed = []
    modes = [mode for mode in MODES if mode in SMALL or not setting.small]
    for mode in modes:
        work = setting.workload(
            "resnet18", batch=512, steps=100, precision=mode.precision, channels_last=mode.channels_last
        )
        found = _measured(replace(work, compile=mode.compile), mode, setting)
        first, last, rate = found["first_loss"], found["last_loss"], found["samples_per_second"]
        plain = first if plain is None else plain
        note = f"loss {first:.3f} to {last:.3f}"
        if not (math.isfinite(last) and abs(first - plain) < TOLERANCE * plain):
            failed.append(mode.title)
            note += f", which is wrong: fp32 begins with {plain:.3f}"
        outcome.add(f"{TITLES[work.model]}, {mode.title}", f"{rate:,.0f} images/s", note, rate)
    if len(modes) < len(MODES):
        outcome.left_out.append(f"{len(MODES) - len(modes)} modes: --small has no time for them")
    if failed:
        raise ValueError(f"the loss is wrong with {'; '.join(failed)}")


def _measured(work: Workload, mode: Mode, setting: Setting) -> dict[str, float]:
    changes: dict[str, Any] = {"data": {"device_resident": mode.device_resident}}
    if mode.precision == "fp16":
        changes["step"] = {"skip_nonfinite": SKIPS}

    def measure(folder: Any) -> dict[str, float]:
        return ours.measure(work, folder, trainer=TRAINER, **changes)

    (found,) = alternate({"ours": measure}, 1, title=mode.title, scratch=setting.scratch).whole()["ours"]
    return found
