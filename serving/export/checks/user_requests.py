"""A few evaluation samples as users send them: picture files, rows as CSV, instances and tensors as JSON, raw elements.

Real files are sent as they are. Pictures that the evaluation data have as arrays are sent as PNG files.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch.utils.data import IterableDataset, Subset

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import AudioDecode, TensorSpec
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.instances import in_base64, instances, picture_file
from torchferry.serving.codec.predictions_json import Request, read_request
from torchferry.serving.codec.tensors import STRINGS, from_raw, to_raw, write_tensors
from torchferry.serving.export.numbered_strings import as_served
from torchferry.serving.export.samples import Samples
from torchferry.training.data.held_apart import Part

SAMPLES = 4
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class UserRequest:
    what: str
    """As an error names it."""
    body: bytes | Sequence[bytes]
    """Raw elements are a part for each input."""
    inputs: Arrays
    """The same samples as the evaluation data have them."""

    def read(self, bundle: Bundle) -> Request:
        """As both servers read it. Raises RequestError."""
        if isinstance(self.body, bytes):
            return read_request(self.body, bundle).decoded(_decoders(bundle))
        shapes = [list(self.inputs[spec.name].shape) for spec in bundle.inputs]
        parts = zip(bundle.inputs, self.body, shapes, strict=True)
        return Request({spec.name: from_raw(part, shape, spec) for spec, part, shape in parts}, "tensors")


def _decoders(bundle: Bundle) -> Decoders:
    """Of one that is being made, whose files are listed last."""
    return Decoders(bundle.inputs, lambda relative: (bundle.root / relative).read_bytes())


def user_requests(samples: Samples, bundle: Bundle) -> Iterator[UserRequest]:
    """The smallest answers first."""
    inputs = as_served(samples.first(SAMPLES), bundle.inputs)
    if bundle.pictures and len(bundle.inputs) == 1:
        yield from _pictures(samples, inputs, bundle.inputs[0])
    elif bundle.inputs[0].decode and len(bundle.inputs) == 1 and bundle.pads:
        yield from _of_own_length(samples, bundle.inputs[0])
    finite = _finite(inputs)
    if finite is not None:  # JSON and CSV have no other numbers
        one = {name: values[:1] for name, values in finite.items()}
        yield UserRequest("tensors as JSON", _json(write_tensors(one, "inputs", bundle.inputs)), one)
        if not bundle.pictures:
            yield UserRequest("instances", _json({"instances": instances(one, bundle.inputs)}), one)
        elif len(bundle.inputs) > 1:
            sent = _json({"instances": instances(finite, bundle.inputs)})
            yield UserRequest("instances of arrays of the evaluation data as files", sent, finite)
        if _is_table(bundle.inputs) and not bundle.pictures:
            (values,) = finite.values()
            yield UserRequest("rows as CSV", _csv(values), finite)
    yield UserRequest("raw elements", [to_raw(inputs[spec.name], spec.datatype) for spec in bundle.inputs], inputs)


def _of_own_length(samples: Samples, spec: TensorSpec) -> Iterator[UserRequest]:
    """Texts and sounds: the data set's files, or else the samples of a sound as a file of floating-point numbers."""
    for what, content, values in (files := _files(samples)):
        yield UserRequest(what, content, {spec.name: values[np.newaxis]})
    if files or isinstance(samples.data, IterableDataset) or not isinstance(spec.decode, AudioDecode):
        return  # of ids no text is known
    for index in samples.picked(SAMPLES):
        own = replace(samples, data=Subset(samples.data, [index]), kept=None).first(1)
        yield UserRequest("samples of the evaluation data as a file", _wav(own[spec.name][0], spec.decode), own)


def _wav(values: np.ndarray, decode: AudioDecode) -> bytes:
    import soundfile  # which nothing else here needs

    file = io.BytesIO()
    soundfile.write(file, values, decode.rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def _pictures(samples: Samples, inputs: Arrays, spec: TensorSpec) -> Iterator[UserRequest]:
    assert spec.image
    what = "an array of the evaluation data as a file"
    sent = _files(samples) or [(what, picture_file(pixels, spec.image), pixels) for pixels in inputs[spec.name]]
    for what, content, pixels in sent:
        yield UserRequest(what, content, {spec.name: pixels[np.newaxis]})
    alike = [each for each in sent if each[2].shape == sent[0][2].shape]  # others are requests of their own
    encoded = [in_base64(content) for _, content, _ in alike]
    arrays = np.stack([pixels for *_, pixels in alike])
    yield UserRequest("several files as base64", _json({"instances": encoded}), {spec.name: arrays})


def _files(samples: Samples) -> list[tuple[str, bytes, np.ndarray]]:
    """The names and bytes of a few, and what the data set makes of each, where it reads files and can give them."""
    if isinstance(samples.data, IterableDataset):
        return []
    places = samples.picked(SAMPLES)
    found = [file for place in places if (file := _file(samples.data, place))]
    if len(found) < len(places):
        return []
    return [(*file, samples.data[place][0].numpy()) for file, place in zip(found, places, strict=True)]


def _file(data: Any, index: int) -> tuple[str, bytes] | None:
    while isinstance(data, Part | Subset):
        index = int(data.indices[index])
        data = data.samples if isinstance(data, Part) else data.dataset
    return data.file(index) if hasattr(data, "file") else None


def _is_table(specs: Sequence[TensorSpec]) -> bool:
    """Whether CSV, which has no truth values, says what a sample is by numbers alone."""
    (_, *sizes), datatype = specs[0].shape, specs[0].datatype
    return len(specs) == 1 and len(sizes) == 1 and sizes[0] > 0 and datatype not in ("BOOL", STRINGS)


def _finite(inputs: Arrays) -> Arrays | None:
    """The samples without NaN and infinity; None if there are none."""
    numbers = [values for values in inputs.values() if values.dtype != object]
    kept = np.ones(len(next(iter(inputs.values()))), bool)
    for values in numbers:
        kept &= np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    return {name: values[kept] for name, values in inputs.items()} if kept.any() else None


def _csv(values: np.ndarray) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in values.tolist()).encode()


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()
