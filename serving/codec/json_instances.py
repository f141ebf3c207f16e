"""The samples of a JSON request, one by one: numbers, {"b64": a file}, texts, or an object by the inputs' names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torchferry.contract.axes import stacked
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.encoded import B64, form, is_encoded, kinds, of_instance
from torchferry.serving.codec.tensors import STRINGS, check_axes, check_declared, check_names, from_json
from torchferry.serving.codec.text_bodies import TEXT, text_input
from torchferry.serving.errors import WrongTensor

Columns = tuple[dict[str, np.ndarray], dict[str, list[bytes]]]
"""Tensors and files by the inputs' names; a text's file is its UTF-8."""


def is_sample(content: Any, bundle: Bundle) -> bool:
    """Whether it is the one sample of a request, and not an object around samples: a text, or a file or text under the
    input's name. Of an input of numbers nothing is."""
    only = bundle.inputs[0]
    if len(bundle.inputs) > 1 or only.decode is None:
        return False
    if isinstance(content, dict) and len(content) == 1:
        ((name, value),) = content.items()
        return name in (B64, *_names(bundle)) and is_encoded(value)
    return isinstance(content, str) and text_input(bundle) is not None


def are_texts(content: Any, bundle: Bundle) -> bool:
    """Whether it is a list of texts for a model that takes them."""
    is_list = isinstance(content, list) and bool(content) and all(isinstance(each, str) for each in content)
    return is_list and text_input(bundle) is not None


def columns_of(given: Sequence[Any], bundle: Bundle) -> Columns:
    """Of one sample or more. Raises RequestError."""
    names, own = [spec.name for spec in bundle.inputs], _names(bundle)
    first = given[0]
    if len(names) == 1 and not (isinstance(first, dict) and B64 not in first):
        given = [{names[0]: sample} for sample in given]
    elif len(own) > 1:
        given = [_named(sample, own) for sample in given]
    if not any(isinstance(sample, dict) for sample in given):
        raise WrongTensor(f"'instances' does not say which of the inputs its samples are; send {by_name(bundle)}")
    if not all(isinstance(sample, dict) for sample in given):
        raise WrongTensor("'instances' has samples of different kinds; give all of them alike")
    for sample in given:
        check_names(sample, bundle.inputs)
    inputs: dict[str, np.ndarray] = {}
    files: dict[str, list[bytes]] = {}
    for spec in bundle.inputs:
        samples = [sample[spec.name] for sample in given]
        if spec.decode and is_encoded(samples[0]):
            files[spec.name] = [of_instance(sample, spec) for sample in samples]
        else:
            inputs[spec.name] = _column(samples, spec)
    check_axes(inputs, bundle.inputs)
    return inputs, files


def by_name(bundle: Bundle) -> str:
    """Instances that say all inputs."""
    sample = ", ".join(f'"{spec.name}": {_sample(spec)}' for spec in bundle.inputs)
    return f'{{"instances": [{{{sample}}}]}}'


def _names(bundle: Bundle) -> tuple[str, ...]:
    """What the only input may be called: a text is `text` as well."""
    name = bundle.inputs[0].name
    return (name, TEXT) if text_input(bundle) and name != TEXT else (name,)


def _named(sample: Any, names: Sequence[str]) -> Any:
    """With the first of the names instead of the other."""
    if isinstance(sample, dict) and names[1] in sample and names[0] not in sample:
        return {(names[0] if name == names[1] else name): value for name, value in sample.items()}
    return sample


def _column(samples: list[Any], spec: TensorSpec) -> np.ndarray:
    if any(isinstance(sample, dict) for sample in samples):
        files = f"or {kinds(spec)} for every sample" if spec.decode else "no file"
        what = "strings" if spec.datatype == STRINGS else "numbers"
        raise WrongTensor(f"'{spec.name}' takes {what}, {files}")
    if not spec.axes:
        return from_json(_tensor(samples, [len(samples), *spec.shape[1:]], spec), spec)
    each = [from_json(_tensor([sample], [1, *_sizes(sample, spec)], spec), spec) for sample in samples]
    largest = [len(each), *(max(values.shape[at] for values in each) for at in range(1, len(spec.shape)))]
    check_declared(spec.datatype, largest, spec)
    try:
        return stacked(each, spec)
    except ValueError as error:
        raise WrongTensor(f"{error}; send samples of other sizes in requests of their own") from error


def _sizes(sample: Any, spec: TensorSpec) -> list[int]:
    """Of its axes, by the first of each; what does not fit them is found when it is read."""
    varying, sizes = {axis.at for axis in spec.axes}, []
    for at, size in enumerate(spec.shape[1:], 1):
        sizes.append(len(sample) if at in varying and isinstance(sample, list) else size)
        sample = sample[0] if isinstance(sample, list) and sample else None
    return [1 if size == -1 else size for size in sizes]


def _tensor(data: Any, shape: list[int], spec: TensorSpec) -> Mapping[str, Any]:
    return {"datatype": spec.datatype, "shape": shape, "data": data}


def _sample(spec: TensorSpec) -> str:
    if spec.decode:
        return form(spec)
    return "strings" if spec.datatype == STRINGS else "numbers"
