"""Log-mel features of sounds of any length, inside the model, so that no server can compute them differently."""

import torch
from torch import nn
from torch.nn import functional

FLOOR = 1e-7
"""Of a band's power, as that of -70 dB below full scale: a silence has a logarithm, in float16 too."""
LOWEST = 60.0
"""Hz, where the bands begin."""


class LogMel(nn.Module):
    """float32 [batch, samples] and its mask to [batch, frames, mels] and that of the frames.

    The spectrum is a convolution with the window's sines and cosines. A frame is a sound's own if all of its samples
    are, so what stands behind a sound reaches none of them. The mean over the whole sound is taken off, and with it the
    loudness of a recording.

    Args:
        rate: Samples in a second, as the data set gives them.
        mels: Bands, as wide as the ear's.
        window: Seconds of a frame; a sound has to be as long.
        hop: Seconds from one frame to the next.
    """

    basis: torch.Tensor
    bands: torch.Tensor

    def __init__(self, rate: int = 16_000, mels: int = 40, window: float = 0.025, hop: float = 0.01) -> None:
        super().__init__()
        self.size, self.hop = round(window * rate), round(hop * rate)
        if min(self.size, self.hop, mels) < 1:
            raise ValueError(
                f"window {window} s, hop {hop} s and {mels} mels: each has to be one sample or band at least"
            )
        points = 2 ** (self.size - 1).bit_length()
        # No weights: the arguments say them.
        self.register_buffer("basis", spectrum_basis(self.size, points), persistent=False)
        self.register_buffer("bands", mel_bands(rate, points, mels), persistent=False)

    def forward(self, sounds: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # One frame more, which is no sound's own: torch.export takes a single frame for a constant.
        padded = functional.pad(sounds, (0, self.hop)).unsqueeze(1)
        real, imaginary = functional.conv1d(padded, self.basis, stride=self.hop).chunk(2, dim=1)
        # Not transposed before it is multiplied: torch.export would compare the strides, and restrict the lengths.
        power = self.bands @ (real.square() + imaginary.square())
        ends = torch.arange(power.shape[2], device=power.device) * self.hop + self.size
        own = ends <= mask.sum(1, keepdim=True)
        logs = (power + FLOOR).log() * own.unsqueeze(1)
        mean = logs.sum((1, 2), keepdim=True) / (logs.shape[1] * own.sum(1).view(-1, 1, 1))
        return ((logs - mean) * own.unsqueeze(1)).transpose(1, 2).contiguous(), own


def spectrum_basis(size: int, points: int) -> torch.Tensor:
    """float32 [2 * frequencies, 1, size]: a Hann window times cosines and sines; a full-scale sine has the power 1."""
    place = torch.arange(size, dtype=torch.float64)
    window = torch.hann_window(size, dtype=torch.float64)
    angle = 2 * torch.pi / points * torch.arange(points // 2 + 1, dtype=torch.float64).unsqueeze(1) * place
    waves = torch.cat((angle.cos(), angle.sin())) * (2 * window / window.sum())
    return waves.float().unsqueeze(1)


def mel_bands(rate: int, points: int, mels: int) -> torch.Tensor:
    """float32 [mels, frequencies]: triangles that overlap by half, evenly spread on the mel scale (O'Shaughnessy's)."""
    frequencies = torch.arange(points // 2 + 1, dtype=torch.float64) * rate / points
    ends = _mel(torch.tensor([min(LOWEST, rate / 8), rate / 2], dtype=torch.float64))
    edges = torch.linspace(float(ends[0]), float(ends[1]), mels + 2, dtype=torch.float64)
    place = _mel(frequencies).unsqueeze(1)
    step = edges[1] - edges[0]
    bands = (1 - (place - edges[1:-1]).abs() / step).clamp(min=0)
    if not (bands.sum(0) > 0).all():
        raise ValueError(f"{mels} mels are too many for {points // 2 + 1} frequencies; give fewer, or a longer window")
    return bands.T.float().contiguous()


def _mel(hertz: torch.Tensor) -> torch.Tensor:
    return 2595 * torch.log10(1 + hertz / 700)
