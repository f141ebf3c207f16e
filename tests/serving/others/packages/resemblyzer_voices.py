"""resemblyzer makes a vector of a voice, alike for the same speaker: an LSTM over pieces of 1.6 seconds."""

from typing import Any

from tests.serving.others.replaced import Replace, answered
from tests.serving.others.samples import voice


def example(replace: Replace) -> Any:
    from resemblyzer import VoiceEncoder, preprocess_wav

    found = VoiceEncoder("cpu", verbose=False)
    found.forward = answered(found.forward, replace)
    return found.embed_utterance(preprocess_wav(voice(16_000), 16_000))
