"""State in Triton's words: its sequence batcher keeps it, and its clients send and get none (implicit state)."""

from pathlib import Path
from typing import Any

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.state import start_of
from torchferry.serving.codec.tensors import to_raw, triton_type

FOLDER = "initial_state"
"""Of a model's folder, where Triton looks for what a sequence begins with."""
SEQUENCES, IDLE_MICROSECONDS = 1024, 60_000_000


def sequence_batching(bundle: Bundle) -> dict[str, Any]:
    """Raises UserError for a state that Triton cannot be told."""
    oldest = {"max_candidate_sequences": SEQUENCES, "max_queue_delay_microseconds": 0}
    state = [_state(bundle, name, values) for name, values in start_of(bundle).items()]
    return {"max_sequence_idle_microseconds": IDLE_MICROSECONDS, "oldest": oldest, "state": state}


def write_start(bundle: Bundle, model: Path) -> None:
    """What is not zeros, below the model's folder."""
    datatypes = {spec.name: spec.datatype for spec in bundle.inputs}
    for name, values in start_of(bundle).items() if bundle.state else ():
        if np.any(values):
            (model / FOLDER).mkdir(exist_ok=True)
            (model / FOLDER / name).write_bytes(to_raw(values, datatypes[name]))


def _state(bundle: Bundle, name: str, values: np.ndarray) -> dict[str, Any]:
    spec = next(spec for spec in bundle.inputs if spec.name == name)
    kind = {"data_type": triton_type(spec.datatype), "dims": list(spec.shape[1:])}
    if not kind["dims"]:
        raise UserError(f"{bundle.root}: Triton knows no state of the batch axis alone, as '{name}' is; export the "
                        "model with an axis of one behind it")  # fmt: skip
    data = {"data_file": name} if np.any(values) else {"zero_data": True}
    begins = [{"name": f"start of {name}", **kind, **data}]
    return {"input_name": name, "output_name": bundle.state[name], **kind, "initial_state": begins}
