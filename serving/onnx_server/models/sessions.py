"""A model's sessions, on the processor that was asked for."""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

import onnxruntime

from torchferry.errors import UserError, some
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.errors import BundleError
from torchferry.serving.onnx_server.models.batch import Session
from torchferry.serving.session import open_session, openvino_plugin
from torchferry.serving.session.capped_session import capped
from torchferry.serving.session.onnx_session import CPU, Cancellation
from torchferry.serving.session.runtime_words import in_our_words
from torchferry.serving.session.runtimes import ONNXRUNTIME, OPENVINO, RUNTIMES

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
GPUS = {"cuda": CUDA, "tensorrt": TENSORRT}
ASKED = {**GPUS, OPENVINO: openvino_plugin.PROVIDER}
"""Providers that compute where they were asked for, or nothing does."""
# Without TF32, or the answers would be further from the checkpoint's than the gate has allowed.
OPTIONS: dict[str, dict[str, Any]] = {CUDA: {"use_tf32": 0}, TENSORRT: {}, CPU: {}}
WANTED = {
    "auto": (CUDA, CPU),
    "cpu": (CPU,),
    "cuda": (CUDA, CPU),
    "tensorrt": (TENSORRT, CUDA, CPU),
    OPENVINO: (openvino_plugin.PROVIDER, CPU),
}
"""By what is asked for: ONNX Runtime's execution providers. A graph may have parts that only a later one takes."""


class ServedSession(Session, Protocol):
    provider: str
    """What computes."""


def open_sessions(
    bundle: Bundle, variant: str, threads: int, count: int, provider: str, cancellation: Cancellation | None = None
) -> list[ServedSession]:
    """`count` sessions of the variant's verified file, which compute no more samples together than the bundle allows;
    `provider` is a key of WANTED; `cancellation` is as in `OnnxSession`. Raises UserError, also where what was asked
    for is not what computes."""
    path, runtime = bundle.variant_file(variant), RUNTIMES[variant]
    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (bundle.inputs, bundle.outputs))
    offered = onnxruntime.get_available_providers()
    given: dict[str, Any] = {"cancellation": cancellation}
    if runtime.package == ONNXRUNTIME:
        given["providers"] = [(name, OPTIONS[name]) for name in WANTED[provider] if name in offered and name in OPTIONS]
        given["add_provider"] = openvino_plugin.provider(threads) if provider == OPENVINO else None
    try:
        sessions: list[Any] = [open_session(variant, path, inputs, outputs, threads, **given) for _ in range(count)]
    except UserError:
        raise
    except Exception as error:  # a runtime has a class of its own for every way in which a graph can be wrong
        raise BundleError(f"{path}: {runtime.package} cannot load it ({in_our_words(error)})") from error
    if provider in ASKED and provider != runtime.package and sessions[0].provider != ASKED[provider]:
        why = _why_not(ASKED[provider], offered, runtime.package)
        raise UserError(
            f"--provider: {provider} was asked for, and {bundle.name} {variant} computes on {sessions[0].provider}: "
            f"{why}; give --provider cpu to have it so"
        )
    if runtime.package == ONNXRUNTIME:
        _say_fallback(bundle.name, provider, sessions[0].provider, offered)
        _say_parts(bundle.name, sessions[0])
    return [capped(session, bundle.max_batch) for session in sessions]


def _why_not(wanted: str, offered: Sequence[str], package: str) -> str:
    if package != ONNXRUNTIME:
        return f"{package} has no {wanted}"
    if wanted not in offered and wanted in GPUS.values():
        return f"this onnxruntime has no {wanted}; onnxruntime-gpu has"
    return f"{wanted} could not start, or takes no part of the graph"


def _say_fallback(model: str, asked: str, taken: str, offered: Sequence[str]) -> None:
    """Where nothing was asked for, and a GPU would have been taken."""
    wanted = WANTED[asked][0]
    if taken != wanted and wanted in offered:
        reason = "it could not start, or takes no part of the graph"
        print(f"torchferry: {model} runs on {taken}, not on {wanted}: {reason}", file=sys.stderr, flush=True)


def _say_parts(model: str, session: Any) -> None:
    """What the one that computes has left to others, such as sizes of tensors, which are no work for a GPU."""
    nodes = sum(map(len, session.parts.values()))
    for name, operators in session.parts.items():
        if name != session.provider:
            kinds = some(sorted(set(operators)))
            print(f"torchferry: {model} runs on {session.provider}, but {len(operators)} of {nodes} nodes on {name}: "
                  f"{kinds}", file=sys.stderr, flush=True)  # fmt: skip
