"""Open Inference Protocol over gRPC: messages to inferences and answers to messages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2 as messages

from torchferry.serving.codec.encoded import checked_samples
from torchferry.serving.codec.strings import raw_elements
from torchferry.serving.codec.tensors import (
    check_declared,
    check_names,
    from_numbers,
    from_raw,
    said_datatype,
    takes_files,
    to_raw,
)
from torchferry.serving.errors import NotDecodable, TooLarge, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.grpc.interfaces import (
    InferRequest,
    InferResponse,
    InputTensor,
    Parameters,
    RequestedOutput,
)
from torchferry.serving.onnx_server.inference import (
    Inference,
    Wanted,
    check_count,
    check_outputs,
    check_parameters,
    read_parameters,
)
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.sequence_parameters import InSequence

MAX_RANK = 64
"""Axes of a tensor; numpy has no more."""
CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field of typed contents for each datatype; FP16 and BF16 have none and come raw."""


def read(request: InferRequest, model: Model) -> Inference:
    """What a ModelInferRequest asks for. Raises RequestError."""
    asked = Inference({}, id=request.id)
    read_parameters(_parameters(request.parameters), asked)
    asked.outputs = [_wanted(output) for output in request.outputs]
    check_outputs(asked.outputs)
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise NotDecodable(
            f"{len(raw)} raw_input_contents for {len(request.inputs)} inputs; give one for each, or none"
        )
    asked.inputs, asked.files = _inputs(request, asked.sequence, model)
    return asked


def _inputs(
    request: InferRequest, sequence: InSequence | None, model: Model
) -> tuple[dict[str, np.ndarray], dict[str, list[bytes]]]:
    """Tensors, and files and texts, by the inputs' names."""
    raw = request.raw_input_contents
    inputs: dict[str, np.ndarray] = {}
    files: dict[str, list[bytes]] = {}
    for index, tensor in enumerate(request.inputs):
        name = tensor.name
        if name in inputs or name in files or name not in model.input_specs:
            # It raises for a name that the model has not; what it lets pass is given twice.
            check_names([name, *inputs, *files], model.bundle.inputs)
            raise WrongTensor(f"'{name}' is given twice")
        check_parameters(_parameters(tensor.parameters), ())
        if raw and tensor.HasField("contents") and _filled(tensor):
            raise WrongTensor(f"'{name}' has contents, and there are raw_input_contents; give one of them")
        if len(tensor.shape) > MAX_RANK:  # before a list is made of them
            raise WrongTensor(f"'{name}' has {len(tensor.shape):,} axes")
        spec, shape = model.input_specs[name], list(tensor.shape)
        if takes_files(tensor.datatype, spec):
            files[name] = checked_samples(_files(tensor, raw[index] if raw else None, model.most_samples), shape, spec)
        else:
            check_declared(tensor.datatype, shape, spec)
            inputs[name] = from_raw(raw[index], shape, spec) if raw else from_numbers(_contents(tensor), shape, spec)
    given = [*inputs, *files]
    check_names(given, model.sequences.brought(sequence, given) if sequence else model.bundle.inputs)
    return inputs, files


def _files(tensor: InputTensor, raw: bytes | None, most: int) -> list[bytes]:
    """Raises WrongTensor, and TooLarge for more than `most` before one is taken out."""
    if raw is not None:
        return raw_elements(raw, tensor.name, most)
    contents = _contents(tensor)
    if len(contents) > most:
        raise TooLarge(f"'{tensor.name}' has {len(contents)} elements; {most} are allowed")
    return list(contents)


def write(asked: Inference, outputs: Mapping[str, np.ndarray], model: Model) -> InferResponse:
    """The ModelInferResponse; tensors are always raw."""
    response: InferResponse = messages.ModelInferResponse(
        model_name=model.name, model_version=model.version, id=asked.id
    )
    for name, values in outputs.items():
        datatype = said_datatype(values, model.output_datatypes.get(name))
        response.outputs.add(name=name, datatype=datatype, shape=values.shape)
        response.raw_output_contents.append(to_raw(values, datatype))
    return response


def _contents(tensor: InputTensor) -> Sequence[Any]:
    field = CONTENTS.get(tensor.datatype)
    if field is None:
        raise WrongTensor(f"'{tensor.name}' is {tensor.datatype}, for which there are only raw_input_contents")
    if others := _filled(tensor) - {field}:
        raise WrongTensor(f"'{tensor.name}' is {tensor.datatype} and has {min(others)}; its numbers go in {field}")
    return getattr(tensor.contents, field)


def _filled(tensor: InputTensor) -> set[str]:
    """The fields of typed contents that hold something."""
    return {field for field in CONTENTS.values() if getattr(tensor.contents, field)}


def _wanted(output: RequestedOutput) -> Wanted:
    parameters = _parameters(output.parameters)
    check_parameters(parameters, ("classification", "binary_data"))
    classes = parameters.get("classification", 0)
    # Not isinstance, for which True is a number.
    if type(classes) is not int or classes < 0 or (classes == 0 and "classification" in parameters):
        raise WrongParameter(f"classification is {classes!r}; give how many classes are wanted")
    return Wanted(output.name, classes)


def _parameters(given: Parameters) -> dict[str, bool | int | float | str | None]:
    """A map of InferParameter, each of which holds a value of one of several types. Raises WrongParameter."""
    check_count(len(given))
    found = {}
    for key, parameter in given.items():
        kind = parameter.WhichOneof("parameter_choice")
        found[key] = getattr(parameter, kind) if kind else None
    return found
