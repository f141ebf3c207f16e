"""NCCL over all GPUs: one tensor added up, and whether the sum is right. One GPU is a group of one."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.setting import Setting
from torchferry.benchmarks.training.torchrun import torchrun
from torchferry.errors import ServerFault

WORKER = "torchferry.benchmarks.training.trainers.all_reduce"


def run(setting: Setting, outcome: Outcome) -> None:
    size = 1 << 12 if setting.small else 1 << 28
    with TemporaryDirectory(prefix="benchmark-", dir=setting.scratch) as name:
        folder = Path(name).resolve()
        result, log = folder / "result.json", folder / "log"
        processes = setting.devices.count
        with torchrun("all_reduce", [WORKER, result, size], processes=processes, threads=1, log=log) as launch:
            launch.wait()
        found = json.loads(result.read_text())
    backend = f"NCCL {found['nccl']}" if found["backend"] == "nccl" else found["backend"]
    if not found["right"]:
        raise ServerFault(f"{backend}: the sum over {processes} processes is wrong")
    rate = f"{found['bytes_per_second'] / 1e9:.1f} GB/s" if processes > 1 else "right"
    note = f"{backend}, the sum is right" if processes > 1 else f"{backend}, a group of one"
    outcome.add(f"all-reduce of {size >> 20} MiB over {processes}", rate, note)
