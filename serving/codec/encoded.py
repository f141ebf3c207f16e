"""Samples as they are sent for an input with a `decode`: files, and texts as UTF-8; in tensors of BYTES, and in JSON.

JSON has no bytes: there a file is base64, and a text is a string.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.json_objects import check_names_read
from torchferry.serving.errors import NotDecodable, TooLarge, WrongTensor

TEXT = "text"
KINDS = {"image": "image files", TEXT: "texts", "audio": "sound files"}
IN_JSON = {"image": ", each as base64 text", TEXT: "", "audio": ", each as base64 text"}
FORMS = {
    "image": '{"b64": "an image file as base64"}',
    TEXT: '"a text"',
    "audio": '{"b64": "a sound file as base64"}',
}
B64 = "b64"


def kinds(spec: TensorSpec) -> str:
    """What may be sent for the input instead of numbers. Of an input with a `decode`, as is the next."""
    assert spec.decode
    return KINDS[spec.decode.kind]


def form(spec: TensorSpec) -> str:
    """Of a sample in JSON."""
    assert spec.decode
    return FORMS[spec.decode.kind]


def encoded_in_json(tensor: Mapping[str, Any], spec: TensorSpec, most: int) -> list[bytes]:
    """The samples of a BYTES tensor. Raises WrongTensor, and TooLarge for more than `most` before one is looked at: an
    empty text has three bytes."""
    assert spec.decode
    try:
        texts = _flat(tensor.get("data"))
        if len(texts) > most:
            raise TooLarge(f"'{spec.name}' has {len(texts)} samples; {most} are allowed")
        samples = [_bytes(text, spec) for text in texts]
    except (TypeError, ValueError, binascii.Error) as error:
        raise WrongTensor(f"'{spec.name}' has data other than {kinds(spec)}{IN_JSON[spec.decode.kind]}") from error
    return checked_samples(samples, tensor.get("shape"), spec)


def checked_samples(samples: list[bytes], shape: Any, spec: TensorSpec) -> list[bytes]:
    """Raises WrongTensor unless a BYTES tensor of that shape, [samples] or [samples, 1], has so many elements."""
    if shape not in ([len(samples)], [len(samples), 1]) or not samples:
        raise WrongTensor(f"'{spec.name}' has shape {shape} and holds {len(samples)} {kinds(spec)}")
    return samples


def is_encoded(sample: Any) -> bool:
    """Whether an instance's value is no number and no list of them."""
    return isinstance(sample, dict | str)


def of_instance(sample: Any, spec: TensorSpec) -> bytes:
    """Of an instance in JSON: a text, or {"b64": a file or a text as base64}. Raises NotDecodable, WrongParameter."""
    assert spec.decode
    try:
        if isinstance(sample, str) and spec.decode.kind == TEXT:
            return _utf8(sample, spec.name)
        check_names_read(sample, {B64}, "an instance")
        return base64.b64decode(sample[B64], validate=True)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise NotDecodable(f"'{spec.name}' of an instance is not of the form {form(spec)}") from error


def _bytes(text: Any, spec: TensorSpec) -> bytes:
    if spec.decode and spec.decode.kind != TEXT:
        return base64.b64decode(text, validate=True)
    if not isinstance(text, str):
        raise TypeError
    return _utf8(text, spec.name)


def _utf8(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotDecodable(f"'{name}' has half of a surrogate pair, which UTF-8 does not have") from error


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError
    return [element for row in data for element in row] if data and isinstance(data[0], list) else data
