"""Samples that are asked about together, and the body that asks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.serving.errors import NotDecodable
from torchferry.serving.predict.sample import Sample

MOST_BYTES = 2**20
"""Of the samples that are asked about together; servers take 16 MiB and more in a body."""


@dataclass(frozen=True, slots=True)
class Question:
    first: int
    """The place of its first sample among all inputs, from 0."""
    samples: Sequence[Sample]


def body(samples: Sequence[Sample]) -> bytes:
    """What a server is sent for samples of one form; more than one where they join. Raises OSError, NotDecodable."""
    first = samples[0]
    if first.form == "wrong":
        raise NotDecodable(first.content.decode())
    if first.form == "file" and not first.content:
        return Path(first.source).read_bytes()
    content = [sample.content for sample in samples]
    if first.form == "row":
        return first.names + b"".join(content)
    if first.form == "instance":
        return b'{"instances": [' + b", ".join(content) + b"]}"
    return first.content


def questions(samples: Iterable[Sample], together: Callable[[Sample], int]) -> Iterator[Question]:
    """Samples that follow each other and are of one form, as many as may be asked `together`.

    The same samples always make the same questions: a network may round differently in another batch.
    """
    held: list[Sample] = []
    first = size = 0
    for sample in samples:
        if held and not (_alike(held[0], sample) and len(held) < together(sample) and size < MOST_BYTES):
            yield Question(first, held)
            first, held, size = first + len(held), [], 0
        held.append(sample)
        size += len(sample.content)
    if held:
        yield Question(first, held)


def _alike(one: Sample, other: Sample) -> bool:
    return (one.form, one.names) == (other.form, other.names)
