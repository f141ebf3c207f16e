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
from torchferry.serving.session.runtimes import OPENVINO


@dataclass(frozen=True)
class Providers:
    names: tuple[str, ...] = ()
    are_asked: bool = False
    """Whether it is an error where one does not compute."""


CPU_ALONE = Providers()


def providers_of(asked: Sequence[str]) -> Providers:
    """Those that were asked for, or else the GPUs' that this ONNX Runtime has. Raises UserError for one that is not
    there; whether it computes shows when a session is opened."""
    for name in asked:
        if name not in ASKED:
            choice = f"choose some of {','.join(ASKED)}"
            raise UserError(f"--providers: there is no provider '{name}'{did_you_mean(name, ASKED, choice)}")
        if name in GPUS and name not in gpus_offered():
            raise UserError(f"--providers: {name} was asked for, and {why_not(name)}")
        if name == OPENVINO:
            _check_openvino()
    return Providers(tuple(dict.fromkeys(asked)) or tuple(gpus_offered()), bool(asked))


def _check_openvino() -> None:
    try:
        openvino_plugin.processors()
    except UserError as error:  # said of a server's option
        raise UserError(str(error).replace("--provider:", "--providers:")) from error


def on_providers(
    providers: Providers, opened: Callable[[str], Session], expected: Expected, limits: Limits
) -> dict[str, OnProvider]:
    """By provider; `opened` gives a session on it. One that does not compute is left out. Raises UserError where it was
    asked for."""
    found = {}
    for name in providers.names:
        session, speed = measure_speed(lambda name=name: opened(name), expected.reference.test, cores())  # type: ignore[misc]
        if getattr(session, "provider", None) == ASKED[name]:
            measured = expected.measure(session)
            found[name] = OnProvider(reason=refusal(measured, limits), measured=measured, speed=speed)
        elif providers.are_asked:
            raise UserError(f"--providers: {name} was asked for, and {why_not(name)}")
    return found
