"""Measures what decoding large JPEGs at a part of their size does to the answers: the model with it and without
it, on the files that it is judged on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from torchferry.errors import GateError, UserError
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import limits_for, refusal
from torchferry.serving.export.reference import Reference


def scaled_jpeg_effect(reference: Reference, limits: Mapping[str, float]) -> dict[str, Any]:
    """Measured and printed, for model.json; empty where JPEGs are decoded in full.

    Raises UserError where it cannot be measured, and GateError beyond the limits of a variant in int8.
    """
    if all(spec.image is None or spec.image.jpeg == "full" for spec in reference.inputs):
        return {}
    if len(reference.inputs) > 1:
        raise UserError("jpeg: scaled is measured on files, which no evaluation data of several inputs are; take full")
    if reference.test_in_full is None:
        raise UserError("jpeg: scaled is measured on files; give a folder of pictures with --eval-data, or take full")
    expected, scaled = Expected(replace(reference, test=reference.test_in_full)), _Scaled(reference)
    measured = expected.measure(scaled)
    if not scaled.changed:
        raise UserError(
            f"jpeg: scaled changes none of the {measured.samples} pictures that the model is judged on, so what it "
            "does to others is not known; give JPEGs of twice the network's size or more, or take full"
        )
    if reason := refusal(measured, limits_for("int8", reference.task, reference.limits | dict(limits), expected.scale)):
        raise GateError(f"jpeg: scaled is refused, against the same pictures decoded in full: {reason}; take full")
    known = {"largest difference": measured.max_abs_diff, "agreement": measured.agreement,
             f"{measured.metric} drop": measured.score_drop}  # fmt: skip
    said = ", ".join(f"{name} {value:.2g}" for name, value in known.items() if value is not None)
    print(f"jpeg: scaled changes {scaled.changed} of {measured.samples} pictures: {said}", flush=True)
    return {"changed": scaled.changed, **vars(measured)}


class _Scaled:
    """The model on the same pictures decoded at a part of their size, as a session that is asked in their order."""

    def __init__(self, reference: Reference) -> None:
        self.reference, self._batches = reference, reference.test.batches()
        self.changed = 0
        """Pictures that are not the same in full."""

    def run(self, in_full: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given, _ = next(self._batches)
        for name, pictures in given.items():
            self.changed += int((pictures != in_full[name]).any(axis=(1, 2, 3)).sum())
        return self.reference.run(given)
