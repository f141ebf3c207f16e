"""Log-mel features say the same of a sound alone and behind padding, and a tone is where it belongs."""

import numpy as np
import pytest
import torch

from tests.torchferry.contract.sounds import RATE, tone
from torchferry.training.models.log_mel import FLOOR, LogMel, mel_bands, spectrum_basis


def power_of(samples: np.ndarray) -> torch.Tensor:
    basis = spectrum_basis(400, 512)
    parts = torch.nn.functional.conv1d(torch.from_numpy(samples)[None, None], basis, stride=160)
    real, imaginary = parts.double().chunk(2, dim=1)
    return real**2 + imaginary**2


def test_the_spectrum_is_that_of_the_fourier_transform() -> None:
    samples = np.random.default_rng(0).normal(size=400).astype(np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    expected = np.abs(np.fft.rfft(samples * window, 512) * 2 / window.sum()) ** 2
    np.testing.assert_allclose(power_of(samples)[0, :, 0], expected, atol=1e-6)


def test_a_tone_of_full_scale_has_power_1_in_the_band_around_it() -> None:
    assert power_of(tone(1, level=1.0)).amax() == pytest.approx(1, abs=0.02)
    bands = mel_bands(RATE, 512, 40)
    loudest = [
        int((bands.double() @ power_of(tone(1, hertz=hertz)))[0].mean(-1).argmax()) for hertz in (300, 1000, 3000)
    ]
    assert loudest == sorted(set(loudest))
    middle = (bands[loudest[1]] * torch.arange(257)).sum() / bands[loudest[1]].sum() * RATE / 512
    assert float(middle) == pytest.approx(1000, abs=60)


def test_a_lasting_tone_is_told_from_another() -> None:
    features, mask = LogMel(RATE), torch.ones(2, RATE, dtype=torch.bool)
    tones = torch.from_numpy(np.stack([tone(1, hertz=hertz) for hertz in (300, 3000)]))
    low, high = features(tones, mask)[0]
    assert (low - high).abs().max() > 1


def test_a_frame_is_a_sounds_own_if_all_its_samples_are() -> None:
    features = LogMel(RATE)
    for samples, frames in ((400, 1), (559, 1), (560, 2), (1000, 4)):
        mask = torch.arange(1000) < samples
        found, own = features(torch.where(mask, torch.rand(1, 1000), torch.zeros(())), mask[None])
        assert int(own.sum()) == frames
        assert not found[0, frames:].any()


def test_loudness_makes_no_difference_and_a_silence_has_numbers() -> None:
    features, mask = LogMel(RATE), torch.ones(1, 4000, dtype=torch.bool)
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (1, 4000)).astype(np.float32))
    torch.testing.assert_close(features(noise, mask)[0], features(4 * noise, mask)[0], atol=0.02, rtol=0)
    assert features(torch.zeros(1, 4000), mask)[0].abs().max() < 1e-5
    assert float(torch.tensor(FLOOR, dtype=torch.float16)) == pytest.approx(FLOOR, rel=0.25)


@pytest.mark.parametrize("arguments", [{"hop": 0.0}, {"mels": 0}, {"window": 0.001}, {"mels": 200}])
def test_arguments_that_make_no_features_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mels"):
        LogMel(**arguments)  # type: ignore[arg-type]
