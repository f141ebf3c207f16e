"""The pictures, texts and sounds of a request: bounded before any is decoded, and decoded one by one into tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from torchferry.contract.axes import stacked
from torchferry.contract.placement import Placement
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.decoders import Decoder, Decoders
from torchferry.serving.codec.encoded import kinds
from torchferry.serving.codec.sample_cost import Cost, most_elements
from torchferry.serving.codec.tensors import check_axes, check_declared, dtype_of
from torchferry.serving.errors import RequestError, TooLarge, WrongTensor

Files = Mapping[str, Sequence[bytes]]
"""By the input's name, one a sample; a text is its UTF-8."""
TOGETHER = 16 * 1024
"""Bytes of texts that are tokenized in one call, which takes a few milliseconds: most are so short that to hand one
over takes longer."""
QUICK = 1024
"""Bytes of texts that take less than half a millisecond together."""


@dataclass
class Part:
    """A sample of one input."""

    decoder: Decoder
    sample: int
    file: bytes
    is_alone: bool
    """Whether its input has no other."""
    cost: Cost
    placement: Placement | None = None
    """Where a picture is in its tensor, once it is decoded."""

    @property
    def name(self) -> str:
        return self.decoder.spec.name

    @property
    def is_text(self) -> bool:
        decode = self.decoder.spec.decode
        return decode is not None and decode.kind == "text"


class Decoding:
    def __init__(self, files: Files, decoders: Decoders) -> None:
        """Raises WrongTensor for an input that takes no files, TooLarge for more elements than a tensor may have."""
        self.specs = decoders.specs
        self.given = [spec for spec in self.specs if spec.name in files]
        self.fixed: dict[str, np.ndarray] = {}
        """By the input's name [samples, ...], of inputs whose samples have one size; filled as they are decoded."""
        self.varying: dict[str, list[np.ndarray | None]] = {}
        """Of the others each sample's own."""
        self.parts: list[Part] = []
        self.takers = sum(spec.image is not None for spec in self.specs)
        for spec in self.given:
            if spec.decode is None:
                raise WrongTensor(f"'{spec.name}' takes no files, but numbers")
            given, decoder = files[spec.name], decoders.by_name[spec.name]
            shape = [len(given), *spec.shape[1:]]
            if spec.axes:
                self.varying[spec.name] = [None] * len(given)
            else:
                check_declared(spec.datatype, shape, spec)
                self.fixed[spec.name] = np.empty(shape, dtype_of(spec.datatype))
            most, alone = most_elements(spec), len(given) == 1
            self.parts += [
                Part(decoder, sample, file, alone, Cost(_at_most(spec, file, most, alone)))
                for sample, file in enumerate(given)
            ]

    @property
    def bytes(self) -> int:
        """Of the tensors, about: those of unequal samples are as long as the longest."""
        known = sum(values.nbytes for values in self.fixed.values())
        for spec in self.given:
            if spec.axes:
                longest = max(part.cost.elements for part in self.parts if part.name == spec.name)
                known += longest * len(self.varying[spec.name]) * dtype_of(spec.datatype).itemsize
        return known

    @property
    def is_quick(self) -> bool:
        """Whether no thread need do it."""
        return all(part.is_text for part in self.parts) and sum(len(part.file) for part in self.parts) <= QUICK

    def check(self, most_pixels: float, go_on: Callable[[], None]) -> None:
        """All together, before any is decoded. Raises NotDecodable and TooLarge, and what `go_on` raises, which is
        called before each."""
        for part in self.parts:
            go_on()
            with _named(part):
                part.cost = part.decoder.cost(part.file)
        if (pixels := sum(part.cost.pixels for part in self.parts)) > most_pixels:
            count = sum(part.decoder.spec.image is not None for part in self.parts)
            has = f"the {count} pictures have" if count > 1 else "the picture has"
            raise TooLarge(f"{has} {pixels:,} pixels; a request may have {most_pixels:,}")

    def decode(self, part: Part) -> None:
        """Into its place, from any thread. Raises NotDecodable and TooLarge."""
        with _named(part):
            values, part.placement = part.decoder.decode(part.file)
        if part.name in self.fixed:
            self.fixed[part.name][part.sample] = values
        else:
            self.varying[part.name][part.sample] = values

    def calls(self) -> Iterator[Callable[[], None]]:
        """What decodes them all: a file in each call, and texts together."""
        together, size = list[Part](), 0
        for part in self.parts:
            if not part.is_text:
                yield partial(self.decode, part)
                continue
            together.append(part)
            size += len(part.file)
            if size >= TOGETHER:
                yield partial(self._decode_all, together)
                together, size = [], 0
        if together:
            yield partial(self._decode_all, together)

    def _decode_all(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self.decode(part)

    def with_inputs(self, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """All tensors in the model's order, which requests that are computed together share, once all are decoded.
        Raises WrongTensor and TooLarge."""
        given = {**inputs, **self.fixed, **{spec.name: self._stacked(spec.name) for spec in self.given if spec.axes}}
        # State may be kept, and is not sent then.
        tensors = {spec.name: given[spec.name] for spec in self.specs if spec.name in given}
        check_axes(tensors, self.specs)
        return tensors

    def _stacked(self, name: str) -> np.ndarray:
        spec = next(spec for spec in self.given if spec.name == name)
        samples = [values[np.newaxis] for values in self.varying.pop(name) if values is not None]
        largest = [len(samples), *(max(sizes) for sizes in zip(*(each.shape[1:] for each in samples), strict=True))]
        check_declared(spec.datatype, largest, spec)
        try:
            return stacked(samples, spec)
        except ValueError as error:
            raise WrongTensor(f"{error}; send {kinds(spec)} of other sizes in requests of their own") from error

    @property
    def placements(self) -> Sequence[Placement]:
        """One a sample once all are decoded, of the input that alone takes pictures; empty where several do."""
        if self.takers != 1:
            return ()
        return [part.placement for part in self.parts if part.placement]


def decoded(
    inputs: Mapping[str, np.ndarray],
    files: Files,
    decoders: Decoders,
    most_pixels: float,
    go_on: Callable[[], None],
) -> tuple[Mapping[str, np.ndarray], Sequence[Placement]]:
    """All inputs, with the files decoded, and where pictures are in their tensors, as `Decoding.placements`. Raises
    RequestError, and what `go_on` raises, which is called before each."""
    decoding = Decoding(files, decoders)
    decoding.check(most_pixels, go_on)
    for part in decoding.parts:
        go_on()
        decoding.decode(part)
    return decoding.with_inputs(inputs), decoding.placements


def _at_most(spec: TensorSpec, file: bytes, most: int, alone: bool) -> int:
    """Elements, before the file is looked at: a few bytes may be a long sound, and of many sounds few are so long that
    it could be assumed of all."""
    assert spec.decode
    if spec.decode.kind == "text":
        return min(most, len(file))
    return most if alone or not spec.axes else 0


@contextmanager
def _named(part: Part) -> Iterator[None]:
    """What is raised names the input, and of several samples which it is, from 0."""
    try:
        yield
    except RequestError as error:
        place = "" if part.is_alone else f" of sample {part.sample}"
        raise type(error)(f"'{part.name}'{place}: {error}") from error
