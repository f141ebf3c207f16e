"""silero-vad says where somebody speaks: a number for each 32 ms, and a state that goes back in with the next ones."""

from typing import Any

import torch

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import voice

RATE = 16_000


def example(replace: Replace) -> Any:
    from silero_vad import get_speech_timestamps, load_silero_vad

    model = load_silero_vad(onnx=True, opset_version=15)
    model.session = Session(model.session, replace)
    sound = torch.from_numpy(voice(RATE))
    return get_speech_timestamps(sound, model), model.audio_forward(sound[: 2 * RATE], RATE).numpy()
