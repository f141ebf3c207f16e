"""Sound files of requests to samples as the contract has them, and the errors that protocols have a status for."""

import dataclasses

import numpy as np
import pytest

from tests.serving.encoded_bundles import MOST_SAMPLES, RATE, SOUND
from tests.torchferry.contract.sounds import saved, tone
from torchferry.contract.audio import decode_sound
from torchferry.serving.bundle.tensor_spec import AudioDecode
from torchferry.serving.codec.sample_cost import Cost
from torchferry.serving.codec.sounds import SoundDecoder
from torchferry.serving.errors import NotDecodable, TooLarge

DECODER = SoundDecoder(SOUND)
CUTS = SoundDecoder(dataclasses.replace(SOUND, decode=AudioDecode(rate=RATE, truncate=True)))
LONG = saved(tone(1, RATE), RATE)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_file_becomes_the_samples_that_training_saw(format: str) -> None:
    file = saved(tone(0.2, 16_000), 16_000, format)
    values, placement = DECODER.decode(file)
    assert placement is None
    np.testing.assert_array_equal(values, decode_sound(file, RATE), strict=True)


def test_a_longer_one_is_cut_or_refused_as_the_bundle_says() -> None:
    assert CUTS.decode(LONG)[0].shape == (MOST_SAMPLES,)
    with pytest.raises(TooLarge, match=r"the sound has 1 s; 0\.5 s \(4,000 samples at 8,000 Hz\) are allowed"):
        DECODER.decode(LONG)


@pytest.mark.parametrize(("file", "words"), [(b"some text", "are not a sound in WAV"), (b"", "file is empty")])
def test_what_is_no_sound_is_refused(file: bytes, words: str) -> None:
    for read in (DECODER.decode, DECODER.cost):
        with pytest.raises(NotDecodable, match=words):
            read(file)


def test_a_sound_without_enough_samples_is_refused() -> None:
    with pytest.raises(NotDecodable, match=r"10 samples at 8,000 Hz\) or more are taken"):
        DECODER.decode(saved(tone(0.001, RATE), RATE))


def test_what_a_sound_takes_is_bounded_by_its_header() -> None:
    assert DECODER.cost(saved(tone(0.1, RATE), RATE)) == Cost(801)
    assert DECODER.cost(LONG) == Cost(MOST_SAMPLES)
