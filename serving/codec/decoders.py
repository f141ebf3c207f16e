"""A decoder for each input of pictures, texts or sounds, which makes tensors of the samples that are sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import numpy as np

from torchferry.contract.placement import Placement
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec, TextDecode
from torchferry.serving.codec.images import ImageDecoder
from torchferry.serving.codec.sample_cost import Cost


class Decoder(Protocol):
    """Of one input. Any thread may call it; it raises NotDecodable and TooLarge."""

    @property
    def spec(self) -> TensorSpec: ...

    def cost(self, sample: bytes) -> Cost:
        """By what its first bytes say; nothing is decoded."""

    def decode(self, sample: bytes) -> tuple[np.ndarray, Placement | None]:
        """A sample's tensor, without the batch, and of a picture where it is in that."""


class Decoders:
    """Of a bundle. What they read of it is read once."""

    def __init__(self, specs: Sequence[TensorSpec], read: Callable[[str], bytes]) -> None:
        """`read`: the bytes of one of the bundle's files, by its path there. Raises UserError."""
        self.specs = specs
        self.by_name: Mapping[str, Decoder] = {spec.name: _decoder(spec, read) for spec in specs if spec.decode}

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Raises UserError for a file that is damaged and a package that is missing."""
        return cls(bundle.inputs, lambda relative: bundle.verified(relative).read_bytes())


def _decoder(spec: TensorSpec, read: Callable[[str], bytes]) -> Decoder:
    """Texts and sounds need packages that nothing else does."""
    if isinstance(spec.decode, ImageDecode):
        return ImageDecoder(spec)
    try:
        if isinstance(spec.decode, TextDecode):
            from torchferry.serving.codec.texts import TextDecoder

            return TextDecoder(spec, read(spec.decode.tokenizer))
        from torchferry.serving.codec.sounds import SoundDecoder

        return SoundDecoder(spec)
    except ImportError as error:
        raise UserError(f"'{spec.name}' needs the package {error.name}; pip install {error.name}") from error
