"""A .pt2 file of torch.export, or one of TorchScript, as a network, or as the ONNX graph that is made of it."""

import contextlib
import io
import logging
import os
import pickle
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from torch import nn

from torchferry.errors import UserError, some
from torchferry.serving.codec.tensors import DATATYPES, MAX_ELEMENTS
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.program_archive import copied
from torchferry.serving.export.external.tensor_names import legal_names
from torchferry.serving.session.runtime_words import in_our_words
from torchferry.training.data.source import blank

OPSET = 18
TENSORS_ALONE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
"""With it torch.load unpickles nothing else, whoever calls it; torch.export.load would ask it to unpickle anything."""


def read_program(path: Path) -> torch.export.ExportedProgram:
    """Raises UserError for a file that cannot be read, and for one with pickles of more than tensors."""
    try:
        with _quietly(), TemporaryDirectory() as folder, _tensors_alone():
            copied(path, copy := Path(folder) / "program.pt2")
            return torch.export.load(copy)
    except UserError:
        raise
    except pickle.UnpicklingError as error:
        own = "a pickle in it holds more than tensors, which could run any code"
        raise UserError(f"{path}: {own}, and is not loaded; export the network again") from error
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(f"{path}: cannot be read by torch.export.load: {in_our_words(error)}") from error


def network_of(program: torch.export.ExportedProgram) -> nn.Module:
    """It was traced in one mode, and torch refuses to be asked for another."""
    network = program.module()
    network.train = network.eval = lambda mode=False: network  # type: ignore[method-assign, misc]  # noqa: ARG005
    return network


def takes_any_batch(program: torch.export.ExportedProgram) -> bool:
    """Whether the first axis of each input is dynamic."""
    shapes = [shape for _, _, shape in _inputs(program)]
    return bool(shapes) and all(shape and not isinstance(shape[0], int) for shape in shapes)


def texts_of(program: torch.export.ExportedProgram, path: Path) -> list[str]:
    """Its inputs as --input would say them, without the batch; axes that are dynamic have the bounds that it says.
    Raises UserError for one without a largest size."""
    return [
        f"{name}=tensor:{_datatype(name, dtype)}"
        + (f":{sizes}" if (sizes := _sizes(program, name, shape, path)) else "")
        for name, dtype, shape in _inputs(program)
    ]


def _sizes(program: torch.export.ExportedProgram, name: str, shape: Sequence[int | torch.SymInt], path: Path) -> str:
    words = []
    for at, size in enumerate(shape[1:], start=1):
        if isinstance(size, int):
            words.append(str(size))
            continue
        expression = size.node.expr
        bounds = program.range_constraints.get(expression)
        step = next((int(factor) for factor in expression.args if factor.is_Integer), 1)
        if bounds is None or not bounds.upper.is_Integer or int(bounds.upper) > MAX_ELEMENTS:
            raise UserError(f"{path}: axis {at} of its input '{name}' is dynamic, and nothing says its largest size; "
                            f"say it with --input, such as {name}=tensor:FP32:[1..MOST], or one size")  # fmt: skip
        symbol = re.sub(r"\W", "_", str(expression))
        words.append(f"[{symbol}={max(1, int(bounds.lower))}..{int(bounds.upper)}" + (f"/{step}]" if step > 1 else "]"))
    return "x".join(words)


def graph_of_program(program: torch.export.ExportedProgram, path: Path) -> onnx.ModelProto:
    """Raises UserError where torch cannot make one."""
    try:
        with _quietly():
            made = torch.onnx.export(program, dynamo=True, verbose=False)
    except Exception as error:  # it has many kinds of its own
        raise UserError(f"{path}: torch.onnx makes no graph of it: {in_our_words(error)}") from error
    assert made is not None
    return made.model_proto


def graph_of_script(path: Path, asked: Sequence[GivenInput]) -> onnx.ModelProto:
    """With a dynamic batch. Raises UserError where nothing says what it takes, and where torch cannot make one."""
    if not asked:
        words = "which does not say what sizes it takes; say them, such as --input tensor:FP32:3x224x224"
        raise UserError(f"{path}: is TorchScript, {words}")
    print(f"--model: {path.name} is TorchScript, which torch has deprecated; torch.export takes its place", flush=True)
    names = legal_names([each.name for each in asked])[0]
    try:
        samples = tuple(blank(each.of, 2) for each in asked)
        samples = tuple(each.float() if each.dtype is torch.uint8 else each for each in samples)
        with _quietly(), TemporaryDirectory() as folder:
            script = torch.jit.load(path, map_location="cpu").eval()
            _check_keeps_nothing(script, path)
            torch.onnx.export(
                script,
                samples,
                file := Path(folder) / "script.onnx",
                dynamo=False,
                opset_version=OPSET,
                input_names=names,
                dynamic_axes={name: {0: "batch"} for name in names},
            )
            return onnx.load(file)
    except UserError:
        raise
    except Exception as error:  # it has many kinds of its own
        raise UserError(f"{path}: torch.onnx makes no graph of it: {in_our_words(error)}") from error


def _check_keeps_nothing(script: torch.jit.ScriptModule, path: Path) -> None:
    """Raises UserError for one whose forward, in evaluation, sets attributes of its own."""
    frozen = torch.jit.freeze(script)  # without what it does in training alone
    names = [*dict.fromkeys(f"'{node.s('name')}'" for node in frozen.graph.findAllNodes("prim::SetAttr"))]
    if names:
        raise UserError(f"{path}: keeps {some(names)} from one call to the next, and servers ask it for many callers; "
                        "make that its inputs and outputs")  # fmt: skip


def _inputs(program: torch.export.ExportedProgram) -> Iterator[tuple[str, torch.dtype, tuple[int | torch.SymInt, ...]]]:
    names = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names:
            value = node.meta["val"]
            if not isinstance(value, torch.Tensor):
                raise UserError(f"--model: its input '{node.name}' is a {type(value).__name__}, and tensors are served")
            yield node.name, value.dtype, tuple(value.shape)


def _datatype(name: str, dtype: torch.dtype) -> str:
    try:
        return DATATYPES[torch.zeros(0, dtype=dtype).numpy().dtype]
    except (TypeError, KeyError) as error:  # numpy has none of it, or the protocol
        raise UserError(f"--model: its input '{name}' is {dtype}, which no server takes") from error


@contextlib.contextmanager
def _tensors_alone() -> Iterator[None]:
    before = os.environ.get(TENSORS_ALONE)
    os.environ[TENSORS_ALONE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[TENSORS_ALONE]
        else:
            os.environ[TENSORS_ALONE] = before


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
