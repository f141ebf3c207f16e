"""Chooses the variant that serves: the exact one, unless another was asked for or pays beyond doubt."""

from collections.abc import Callable, Mapping

import numpy as np

from torchferry.contract.tasks.metric_text import metric_text
from torchferry.serving.bundle.choice import Choice, Gain
from torchferry.serving.bundle.variant import Measured, Variant
from torchferry.serving.export.alternation import alternated, gain
from torchferry.serving.session import Session
from torchferry.serving.session.runtimes import RUNTIMES, SERVERS, by_preference, served_by

WORTH = 1.2
"""The lower end of a gain's interval must be above this. On machines that do other things as well, the ratio of one
measurement differs from that of the next by up to a fifth, each within an interval of its own."""
WORTH_MS = 0.1
"""And this must be saved: a request costs a server some 0.3 ms beside the session's call, so that less is not felt."""


def chosen(
    variants: Mapping[str, Variant],
    asked: str | None,
    open_session: Callable[[str], Session],
    inputs: Mapping[str, np.ndarray],
    random: bool = False,
) -> Choice | None:
    """None if no variant was accepted. `asked` is the one that the user named; `inputs` one sample, for which accepted
    variants are compared; `random` says that they were judged on made-up samples alone."""
    names = _candidates(variants)
    if asked and asked in variants and variants[asked].status == "accepted":
        return Choice(variant=asked, reason=f"it was asked for; {_worth(variants[asked].measured)}")
    if not names:
        return None
    refused = f"{asked} was asked for, and was not accepted; " if asked else ""
    usual, others = names[0], [name for name in names[1:] if RUNTIMES[name].exact or not random]
    if not others:
        return Choice(variant=usual, reason=refused + _nothing_else(usual, names[1:], variants))
    found = alternated({name: open_session(name) for name in (usual, *others)}, inputs)
    best = usual
    for name in others:
        if _pays(gain(found[name], found[best])):
            best = name
    gains = {name: gain(found[name], found[usual]) for name in others}
    return Choice(variant=best, reason=refused + _because(best, usual, gains, variants), over=usual, gains=gains)


def _candidates(variants: Mapping[str, Variant]) -> list[str]:
    """The accepted ones, or of those the ones that every server takes; by preference."""
    accepted = by_preference(name for name, variant in variants.items() if variant.status == "accepted")
    everywhere = set.intersection(*(set(served_by(server, accepted)) for server in SERVERS))
    return [name for name in accepted if name in everywhere] or accepted


def _pays(found: Gain) -> bool:
    return found.low > WORTH and found.saved_ms >= WORTH_MS


def _nothing_else(usual: str, others: list[str], variants: Mapping[str, Variant]) -> str:
    accepted = sum(variant.status == "accepted" for variant in variants.values())
    none = "there is no other" + " for every server" * (accepted > 1)
    why = f"what rounds ({', '.join(others)}) is not judged on real samples" if others else none
    return f"{_kind(usual)} and {why}; {_worth(variants[usual].measured)}"


def _because(best: str, usual: str, gains: Mapping[str, Gain], variants: Mapping[str, Variant]) -> str:
    worth = _worth(variants[best].measured)
    if best != usual:
        found, before = gains[best], _worth(variants[usual].measured)
        return f"{found} as {usual}, {found.saved_ms:.3g} ms a call less; {worth}, {before} with {usual}"
    weighed = ", ".join(f"{name} is {found}" for name, found in gains.items())
    needed = f"another has to be {WORTH:g} times as fast and save {WORTH_MS:g} ms a call"
    return f"{_kind(usual)}, and {needed}: {weighed}; {worth}"


def _kind(name: str) -> str:
    return "it is exact" if RUNTIMES[name].exact else "it is the most exact one that was accepted"


def _worth(measured: Measured) -> str:
    """In the first of its figures that this kind of model has."""
    if measured.metric is not None and measured.score is not None:
        return f"{measured.metric} {metric_text(measured.metric, measured.score)}"
    if measured.agreement is not None:
        return f"agreement with the checkpoint {measured.agreement:.2%}"
    return f"relative error {measured.relative_error or 0.0:.1e}"
