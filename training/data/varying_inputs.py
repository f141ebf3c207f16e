"""Inputs whose samples have lengths of their own: texts, sounds, and series of steps.

A data set gives a sample as long as it is. A batch is as long as its longest sample; behind the others stands the
input's `pad`, and the model tells the network, by a mask, what is a sample's own.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch


@dataclass(frozen=True, kw_only=True)
class TextInput:
    """A text as its tokens' ids: int64 [tokens]; torchferry.contract.text makes them."""

    tokenizer: str
    """What a tokenizer.json holds."""
    pad: int
    """The id that stands behind a shorter text."""
    rows: int
    """How many an embedding needs: one more than the largest id."""
    least: int = 1
    """Tokens; shorter texts are padded."""
    most: int
    """Tokens, those that the tokenizer puts around a text among them."""
    truncate: bool
    """Whether a longer text is cut, or refused."""

    datatype: ClassVar[str] = "int64"
    shape: ClassVar[tuple[int, ...]] = (-1,)

    def made_up(self, samples: int, length: int) -> torch.Tensor:
        """[samples, length] of ids that are no padding, the largest among them."""
        ids = torch.tensor([id for id in range(self.rows) if id != self.pad][::-1][:length])
        return ids[torch.arange(length) % len(ids)].repeat(samples, 1)


@dataclass(frozen=True, kw_only=True)
class AudioInput:
    """A sound of one channel: float32 [samples], each from -1 to 1."""

    rate: int
    """Samples in a second."""
    least: int = 1
    most: int
    truncate: bool
    """Whether a longer sound is cut, or refused."""

    datatype: ClassVar[str] = "float32"
    shape: ClassVar[tuple[int, ...]] = (-1,)
    pad: ClassVar[float] = math.nan

    def made_up(self, samples: int, length: int) -> torch.Tensor:
        return torch.linspace(0, 1, length).repeat(samples, 1)


@dataclass(frozen=True, kw_only=True)
class SeriesInput:
    """Steps of a series: float32 [steps, channels], or [steps] where `channels` is None."""

    channels: int | None
    mean: tuple[float, ...]
    """Per channel."""
    std: tuple[float, ...]
    """Per channel."""
    least: int = 1
    most: int

    datatype: ClassVar[str] = "float32"
    pad: ClassVar[float] = math.nan

    @property
    def shape(self) -> tuple[int, ...]:
        return (-1,) if self.channels is None else (-1, self.channels)

    def made_up(self, samples: int, length: int) -> torch.Tensor:
        numbers = torch.linspace(0, 1, length * (self.channels or 1))
        return numbers.view(length, *self.shape[1:]).repeat(samples, *(1 for _ in self.shape))


VaryingInput = TextInput | AudioInput | SeriesInput


def blank_varying(input: VaryingInput, samples: int) -> torch.Tensor:
    """[samples, length, ...] of which every second one is as short as can be, and padded."""
    length = min(input.most, max(2 * input.least, 8))
    made = input.made_up(samples, length)
    made[1::2, input.least :] = input.pad
    return made
