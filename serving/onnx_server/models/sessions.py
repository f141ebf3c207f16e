"""A model's sessions, on the processor that was asked for."""

import sys
from typing import Any, Protocol

import onnxruntime

from torchferry.errors import UserError, some
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.variant import Variant
from torchferry.serving.errors import BundleError
from torchferry.serving.onnx_server.models.batch import Session
from torchferry.serving.session import open_session
from torchferry.serving.session.capped_session import capped
from torchferry.serving.session.onnx_session import CPU, Cancellation
from torchferry.serving.session.providers import ASKED, WANTED, session_arguments, why_not
from torchferry.serving.session.runtime_words import in_our_words
from torchferry.serving.session.runtimes import ONNXRUNTIME, RUNTIMES


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
    given: dict[str, Any] = {"cancellation": cancellation}
    if runtime.package == ONNXRUNTIME:
        given |= session_arguments(provider, threads)
    try:
        sessions: list[Any] = [open_session(variant, path, inputs, outputs, threads, **given) for _ in range(count)]
    except UserError:
        raise
    except Exception as error:  # a runtime has a class of its own for every way in which a graph can be wrong
        raise BundleError(f"{path}: {runtime.package} cannot load it ({in_our_words(error)})") from error
    if provider in ASKED and provider != runtime.package and sessions[0].provider != ASKED[provider]:
        raise UserError(
            f"--provider: {provider} was asked for, and {bundle.name} {variant} computes on {sessions[0].provider}: "
            f"{why_not(provider, runtime.package)}; give --provider cpu to have it so"
        )
    if runtime.package == ONNXRUNTIME:
        if refused := _refused(bundle.variants[variant], sessions[0].provider):
            if provider in ASKED:
                raise UserError(f"--provider: {bundle.name} {variant} is refused on {provider}: {refused}")
            print(f"torchferry: {bundle.name} {variant} is refused on {sessions[0].provider} ({refused}) and runs on "
                  f"{CPU}", file=sys.stderr, flush=True)  # fmt: skip
            return open_sessions(bundle, variant, threads, count, "cpu", cancellation)
        _say_unmeasured(bundle, variant, sessions[0].provider)
        _say_fallback(bundle.name, provider, sessions[0].provider)
        _say_parts(bundle.name, sessions[0])
    return [capped(session, bundle.max_batch) for session in sessions]


def _refused(variant: Variant, computing: str) -> str | None:
    """Why the gate has refused what computes."""
    found = [on for name, on in variant.providers.items() if ASKED.get(name) == computing]
    return found[0].reason if found else None


def _say_unmeasured(bundle: Bundle, variant: str, computing: str) -> None:
    measured = [ASKED.get(name) for name in bundle.variants[variant].providers]
    if computing not in (CPU, *measured):
        said = f"{bundle.name} {variant} was not measured on {computing}; torchferry export does where there is one"
        print(f"torchferry: {said}", file=sys.stderr, flush=True)


def _say_fallback(model: str, asked: str, taken: str) -> None:
    """Where nothing was asked for, and a GPU would have been taken."""
    wanted = WANTED[asked][0]
    if taken != wanted and wanted in onnxruntime.get_available_providers():
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
