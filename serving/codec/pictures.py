"""The picture files of a request: bounded by the sum of their pixels, and decoded one by one into the tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from torchferry.contract.placement import Placement
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.images import count_pixels, decode_image
from torchferry.serving.codec.tensors import check_declared
from torchferry.serving.errors import RequestError, TooLarge, WrongTensor

Files = Mapping[str, Sequence[bytes]]
"""By the input's name, one a sample."""


@dataclass
class Picture:
    name: str
    sample: int
    decode: ImageDecode
    file: bytes
    is_alone: bool
    """Whether its input has no other."""
    placement: Placement | None = None
    """Where it is in its tensor, once it is decoded."""


class Pictures:
    def __init__(self, files: Files, specs: Sequence[TensorSpec]) -> None:
        """Raises WrongTensor for an input that takes no files, TooLarge for more elements than a tensor may have."""
        self.tensors: dict[str, np.ndarray] = {}
        """By the input's name, uint8 [samples, channels, height, width]; whole once all pictures are decoded."""
        self.pictures: list[Picture] = []
        self.takers = sum(spec.image is not None for spec in specs)
        for spec in specs:
            if (given := files.get(spec.name)) is None:
                continue
            if spec.image is None:
                raise WrongTensor(f"'{spec.name}' takes no image files")
            shape = [len(given), *spec.shape[1:]]
            check_declared(spec.datatype, shape, spec)
            self.tensors[spec.name] = np.empty(shape, np.uint8)
            alone = len(given) == 1
            self.pictures += [Picture(spec.name, sample, spec.image, file, alone) for sample, file in enumerate(given)]

    def check_pixels(self, most: float, go_on: Callable[[], None]) -> None:
        """Of all together, before any is decoded. Raises NotDecodable and TooLarge, and what `go_on` raises, which is
        called before each."""
        pixels = 0
        for picture in self.pictures:
            go_on()
            with _named(picture):
                pixels += count_pixels(picture.file)
        if pixels > most:
            count = len(self.pictures)
            has = f"the {count} pictures have" if count > 1 else "the picture has"
            raise TooLarge(f"{has} {pixels:,} pixels; a request may have {most:,}")

    def decode(self, picture: Picture) -> None:
        """Into its place, from any thread. Raises NotDecodable and TooLarge."""
        with _named(picture):
            pixels, picture.placement = decode_image(picture.file, picture.decode)
            self.tensors[picture.name][picture.sample] = pixels

    @property
    def placements(self) -> Sequence[Placement]:
        """One a sample once all are decoded, of the input that alone takes pictures; empty where several do."""
        if self.takers != 1:
            return ()
        return [picture.placement for picture in self.pictures if picture.placement]


def decoded(
    inputs: Mapping[str, np.ndarray],
    files: Files,
    specs: Sequence[TensorSpec],
    most_pixels: float,
    go_on: Callable[[], None],
) -> tuple[Mapping[str, np.ndarray], Sequence[Placement]]:
    """All inputs, with the files decoded, and where these are in their tensors, as `Pictures.placements`. Raises
    RequestError, and what `go_on` raises, which is called before each."""
    pictures = Pictures(files, specs)
    pictures.check_pixels(most_pixels, go_on)
    for picture in pictures.pictures:
        go_on()
        pictures.decode(picture)
    return together(inputs, pictures, specs), pictures.placements


def together(
    inputs: Mapping[str, np.ndarray], pictures: Pictures, specs: Sequence[TensorSpec]
) -> Mapping[str, np.ndarray]:
    """In the model's order, which requests that are computed together share."""
    given = {**inputs, **pictures.tensors}
    return {spec.name: given[spec.name] for spec in specs if spec.name in given}  # state may be kept, and not sent


@contextmanager
def _named(picture: Picture) -> Iterator[None]:
    """What is raised names the input, and of several samples which it is, from 0."""
    try:
        yield
    except RequestError as error:
        place = "" if picture.is_alone else f" of sample {picture.sample}"
        raise type(error)(f"'{picture.name}'{place}: {error}") from error
