"""Says where the model of a run folder comes from: its recipe, its samples, its checkpoint and its weights."""

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import TensorDataset

from torchferry import run_folder
from torchferry.errors import UserError
from torchferry.files import sha256
from torchferry.serving.export.statement import Origin
from torchferry.training.checkpointing.record import record_of
from torchferry.training.checkpointing.remote_folder import LIST
from torchferry.training.checkpointing.saved_files import on_disk
from torchferry.training.data.source import Source


def origin_of_run(run: Path, step: int, source: Source) -> Origin:
    """Of the model that it has after `step` steps; what the folder does not hold any more is left out. `source` has its
    samples as they are now, which are looked at where training knew no checksum of them."""
    fingerprint = _fingerprint(run, step)
    checkpoints = [f"{run_folder.CHECKPOINTS}/step-{step:08d}/{LIST}"]
    model = [f"{run_folder.MODEL}/{name}" for name in (run_folder.CARD, run_folder.WEIGHTS, run_folder.TOKENIZER)]
    return Origin(
        recipe=fingerprint.get("recipe", {}),
        data={
            part: _listing(data, fingerprint.get("samples", {}).get(part))
            for part, data in (("train", source.train), ("test", source.test))
        },
        versions=fingerprint.get("versions", {}),
        steps={
            name: sha256(run / name) for name in (run_folder.CONFIG, *checkpoints, *model) if (run / name).is_file()
        },
    )


def _fingerprint(run: Path, step: int) -> dict[str, Any]:
    """Of the step's own checkpoint, or else of another of the run, which has the same; empty where none has any."""
    saved = sorted(on_disk(run / run_folder.CHECKPOINTS), key=lambda each: each.step != step)
    for each in saved:
        with contextlib.suppress(UserError):  # a damaged one
            if (record := record_of(each)) is not None:
                return record.fingerprint
    return {}


def _listing(data: Any, known: dict[str, Any] | None) -> dict[str, Any]:
    """How many samples there are, None where nobody knows, and the checksum of what is known of them."""
    if known is not None and known["sha256"] is not None:
        return known
    if not isinstance(data, TensorDataset):
        return known or {"samples": None, "sha256": None}
    digest = hashlib.sha256()
    for tensor in data.tensors:
        digest.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return {"samples": len(data), "sha256": digest.hexdigest()}
