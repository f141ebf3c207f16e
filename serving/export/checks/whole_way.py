"""The way of a request through a server, gone without one: read, computed beside others, answered.

A variant that computes well is of no use if a file does not become the sample that the gate judged it on, or if the
answer says something else than the outputs.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from torchferry.contract.axes import cut, sizes_of, stacked
from torchferry.serving.bundle.answers import aligned
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predictions_json import Request, answer
from torchferry.serving.errors import RequestError
from torchferry.serving.export.checks.differences import amount, difference, scale
from torchferry.serving.export.checks.near_ties import near_ties
from torchferry.serving.export.checks.user_requests import UserRequest, user_requests
from torchferry.serving.export.numbered_strings import all_numbered, as_served
from torchferry.serving.export.reference import Reference
from torchferry.serving.session import Session

MOST_NUMBERS = 2**20
"""Of answers that are compared as text, beside the first; a picture for each of several samples takes seconds."""
ROUNDING = 1e-5
"""Of an output's largest value: what float32 sums differ by that other batch sizes take in another order."""
AROUND = ("outputs", "predictions")
"""Keys around all outputs, although one may have such a name."""
Outputs = Mapping[str, np.ndarray]


class WholeWay:
    def __init__(self, reference: Reference, bundle: Bundle) -> None:
        """`bundle` describes the reference; its variants are not looked at."""
        self.reference, self.bundle = reference, bundle
        self.asked: list[tuple[str, Request, Outputs]] = []
        """What it is, how both servers read it, and the checkpoint's outputs for it."""
        self.misread: str | None = None
        for sent in user_requests(reference.test, bundle):
            try:
                request = sent.read(bundle)
            except RequestError as error:
                self.misread = f"{sent.what}: a server refuses it: {error}"
                break
            self.misread = _misread(sent, request)
            if self.misread:
                break
            request = replace(request, inputs=all_numbered(request.inputs))
            self.asked.append((sent.what, request, reference.run(all_numbered(sent.inputs))))

    def refusal(self, session: Session, tolerances: Mapping[str, float]) -> str | None:
        """Why a variant cannot be served, or None. `tolerances`: by output, as a Variant has them."""
        if self.misread:
            return f"asked as a server is, {self.misread}"
        left = MOST_NUMBERS
        for (what, request, wanted), share in zip(self.asked, self._shares(session), strict=True):
            share = aligned(self.reference, share, wanted)
            share = self._without_ties(session, request, share, wanted)
            found = _outputs_differ(share, wanted, tolerances)
            numbers = sum(values.size for values in wanted.values())
            if found is None and (left == MOST_NUMBERS or numbers <= left):
                left -= numbers
                allowed = {name: _allowed(values, tolerances[name]) for name, values in wanted.items()}
                # A few whole numbers may be others, which the text need not say again.
                share = {name: wanted[name] if values.dtype.kind != "f" else values for name, values in share.items()}
                found = differs(self._answered(request, share), self._answered(request, wanted), allowed)
            if found:
                return f"asked as a server is, {what}: {found}"
        return None

    def _without_ties(self, session: Session, request: Request, share: Outputs, wanted: Outputs) -> Outputs:
        """Whole numbers become those wanted where they are near ties, or are what the variant answers to the request
        alone as well, which the gate has judged."""
        if not any(_changed(values, wanted[name]).any() for name, values in share.items()):
            return share
        ties, own = near_ties(self.reference, request.inputs), session.run(request.inputs)
        own = aligned(self.reference, own, wanted)
        return dict(share) | {
            name: np.where(ties[name] | (own[name] == share[name]), wanted[name], share[name])
            for name in ties
            if share[name].shape == wanted[name].shape == own[name].shape
        }

    def _shares(self, session: Session) -> list[Outputs]:
        """Each request's outputs, of one batch of all of them, where shorter ones are padded; if nothing pads them, of
        one for each size."""
        requests, specs = [request for _, request, _ in self.asked], self.bundle.inputs
        batches: dict[Any, list[int]] = {}
        for place, request in enumerate(requests):
            size = None if self.bundle.pads else tuple(values.shape[1:] for values in request.inputs.values())
            batches.setdefault(size, []).append(place)
        shares: dict[int, Outputs] = {}
        for places in batches.values():
            together = [requests[place] for place in places]
            outputs = session.run(
                {spec.name: stacked([each.inputs[spec.name] for each in together], spec) for spec in specs}
            )
            for place, end in zip(places, np.cumsum([request.size for request in together]), strict=True):
                own, start = requests[place], end - requests[place].size
                shares[place] = {
                    spec.name: cut(outputs[spec.name][start:end], spec, sizes_of(specs, own.inputs))
                    for spec in self.bundle.outputs
                }
        return [shares[place] for place in range(len(requests))]

    def _answered(self, request: Request, outputs: Outputs) -> Any:
        """With all labels; in the network's pixels, which the tolerances are of."""
        most = max(1, *(len(self.bundle.labels_of(spec.name)) for spec in self.bundle.outputs))
        request, outputs = replace(request, placements=()), as_served(outputs, self.bundle.outputs)
        return json.loads(answer(request, outputs, self.bundle, self.bundle.name, most))


def _misread(sent: UserRequest, request: Request) -> str | None:
    for name, values in sent.inputs.items():
        read = request.inputs[name]
        if read.shape != values.shape or read.dtype != values.dtype:
            kinds = [f"{each.dtype} {list(each.shape)}" for each in (read, values)]
            return f"{sent.what}: '{name}' is read as {kinds[0]}, and the evaluation data have {kinds[1]}"
        if not np.array_equal(read, values, equal_nan=values.dtype.kind == "f"):
            if values.dtype == object:
                return f"{sent.what}: '{name}' is read as other strings than the evaluation data's"
            most = np.abs(read.astype(np.float64) - values).max()
            return f"{sent.what}: '{name}' is read as another sample than the evaluation data's, by up to {most:.3g}"
    return None


def _changed(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which whole numbers and truth values are others."""
    return np.array(False) if wanted.dtype.kind == "f" or values.shape != wanted.shape else values != wanted


def _outputs_differ(share: Outputs, wanted: Outputs, tolerances: Mapping[str, float]) -> str | None:
    for name, values in wanted.items():
        if share[name].shape != values.shape:
            return f"'{name}' is {list(share[name].shape)} beside other requests, not {list(values.shape)}"
        most, allowed = amount(difference(values, share[name]), values), _allowed(values, tolerances[name])
        if not most <= allowed:
            by, least = (
                (f"in {most:.2%}", f"{allowed:.2%}")
                if values.dtype.kind != "f"
                else (f"by {most:.2g}", f"{allowed:.2g}")
            )
            return f"'{name}' differs {by} beside other requests, allowed are {least}"
    return None


def _allowed(wanted: np.ndarray, tolerance: float) -> float:
    """Of whole numbers a share; they and infinities are not rounded."""
    return tolerance if wanted.dtype.kind != "f" else tolerance + ROUNDING * scale(wanted)


def differs(given: Any, wanted: Any, tolerances: Mapping[str, float], where: str = "answer") -> str | None:
    """Where one answer says something else than the other, as JSON objects. Numbers may differ by what `tolerances` has
    for the output that they are of; where nothing says which that is, by the largest.

    Labels are compared by what is said of each, because two that are about as likely may change places, and one that is
    about as likely as its threshold may be given or not.
    """
    if isinstance(wanted, dict) and isinstance(given, dict) and "top_k" in wanted and "top_k" in given:
        if given | given["top_k"][0] != given:
            return f"{where} names another label than the first of its top_k"
        given, wanted = _by_label(given), _by_label(wanted)
    if _has_several(wanted) and _has_several(given):
        given, wanted = ({"probabilities": each["probabilities"]} for each in (given, wanted))
    if isinstance(wanted, dict) and isinstance(given, dict) and wanted.keys() == given.keys():
        tolerances = _of(tolerances, wanted.get("name"))
        pairs = [
            (f"{where}.{key}", given[key], wanted[key], tolerances if key in AROUND else _of(tolerances, key))
            for key in wanted
        ]
    elif isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        pairs = [(where, one, other, tolerances) for one, other in zip(given, wanted, strict=True)]
    elif _is_number(wanted) and _is_number(given):
        most = max(tolerances.values())
        return None if abs(given - wanted) <= most else f"{where} is {given:.6g}, not {wanted:.6g}"
    else:
        return None if given == wanted else f"{where} is {str(given)[:80]}, not {str(wanted)[:80]}"
    found = (differs(one, other, allowed, place) for place, one, other, allowed in pairs)
    return next((words for words in found if words), None)


def _of(tolerances: Mapping[str, float], output: Any) -> Mapping[str, float]:
    """Of the output alone, where that is the name of one."""
    found = tolerances.get(output) if isinstance(output, str) else None
    return tolerances if found is None else {output: found}


def _by_label(given: dict[str, Any]) -> dict[str, list[float]]:
    """The probabilities or scores of each label, largest first; two classes may have one name."""
    found: dict[str, list[float]] = {}
    for each in given["top_k"]:
        found.setdefault(each["label"], []).extend(number for key, number in each.items() if key != "label")
    return found


def _has_several(answer: Any) -> bool:
    """Whether labels are said beside the probabilities that they follow from."""
    return isinstance(answer, dict) and {"labels", "probabilities"} <= answer.keys()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
