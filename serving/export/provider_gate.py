"""A variant as another execution provider of ONNX Runtime computes it: measured and judged as on the CPU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.variant import OnProvider
from torchferry.serving.cpu import cores
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits, refusal
from torchferry.serving.export.speed import measure_speed
from torchferry.serving.session import Session, openvino_plugin
from torchferry.serving.session.providers import ASKED, GPUS, gpus_offered, why_not
from torchferry.serving.session.runtime_words import in_our_words
from torchferry.serving.session.runtimes import OPENVINO


@dataclass(frozen=True)
class Providers:
    names: tuple[str, ...] = ()
    are_asked: bool = False
    """Whether it is an error where one does not compute."""


CPU_ALONE = Providers()


def providers_of(asked: Sequence[str]) -> Providers:
    """Those that were asked for, or else the GPUs' that this ONNX Runtime has. Raises UserError for one that is not
    there, before anything is built; whether it computes shows when a session is opened."""
    for name in asked:
        if name not in ASKED:
            choice = f"choose some of {','.join(ASKED)}"
            raise UserError(f"--providers: there is no provider '{name}'{did_you_mean(name, ASKED, choice)}")
        if name in GPUS and name not in gpus_offered():
            raise UserError(f"--providers: {name} was asked for, and {why_not(name)}")
    if OPENVINO in asked:
        _check_openvino()
    return Providers(tuple(dict.fromkeys(asked)) or tuple(gpus_offered()), bool(asked))


def _check_openvino() -> None:
    try:
        openvino_plugin.processors()
    except UserError as error:
        raise UserError(str(error).replace("--provider:", "--providers:", 1)) from error


def on_providers(
    providers: Providers, opened: Callable[[str], Session], expected: Expected, limits: Limits
) -> dict[str, OnProvider]:
    """By provider; `opened` gives a session on it. One that does not compute is left out, and so is, which is said, one
    that fails, such as a GPU without memory left. Raises UserError where it was asked for."""
    found = {}
    for name in providers.names:
        try:
            on, why = _measured(name, opened, expected, limits), why_not(name)
        except UserError:
            raise
        except Exception as error:  # whatever a provider makes of a graph that the CPU computes
            on, why = None, f"it fails: {in_our_words(error)}"
            expected.progress.says(f"{name}: is not measured; {why}")
        if on:
            found[name] = on
        elif providers.are_asked:
            raise UserError(f"--providers: {name} was asked for, and {why}")
    return found


def _measured(name: str, opened: Callable[[str], Session], expected: Expected, limits: Limits) -> OnProvider | None:
    """None where it does not compute."""
    session, speed = measure_speed(lambda: opened(name), expected.reference.test, cores())
    if getattr(session, "provider", None) != ASKED[name]:
        return None
    measured = expected.measure(session)
    return OnProvider(reason=refusal(measured, limits), measured=measured, speed=speed)
