"""Sound files in requests: decoded by the contract, with the errors that each protocol has a status for."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from torchferry.contract.audio import NotASound, SoundTooLong, count_samples, decode_sound
from torchferry.serving.bundle.tensor_spec import AudioDecode, TensorSpec
from torchferry.serving.codec.sample_cost import Cost, most_elements
from torchferry.serving.errors import NotDecodable, TooLarge


class SoundDecoder:
    def __init__(self, spec: TensorSpec) -> None:
        assert isinstance(spec.decode, AudioDecode)
        (axis,) = spec.axes
        self.spec, self.said, self.least, self.most = spec, spec.decode, axis.least, most_elements(spec)

    def cost(self, sample: bytes) -> Cost:
        """By its header. Raises NotDecodable and TooLarge."""
        with _refused():
            return Cost(min(self.most, count_samples(sample, self.said.rate) + 1))

    def decode(self, sample: bytes) -> tuple[np.ndarray, None]:
        """float32 [samples]. Raises NotDecodable and TooLarge."""
        with _refused():
            return decode_sound(sample, self.said.rate, self.least, self.most, self.said.truncate), None


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except SoundTooLong as error:
        raise TooLarge(str(error)) from error
    except NotASound as error:
        raise NotDecodable(str(error)) from error
