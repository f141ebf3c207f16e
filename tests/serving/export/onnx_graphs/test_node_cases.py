"""ONNX's own cases of its operators, imported, exported and served."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server import Server
from tests.serving.export.onnx_graphs.node_cases import differs, loaded, node_cases, spread
from tests.serving.onnx_server.asking import LENGTH, arrays, ask, raw_tensor, tensor
from torchferry.errors import GateError, UserError
from torchferry.serving.export.build_bundle import export

SAMPLE, SWEEP = 60, 700
REFUSED = (
    "is not served",  # a datatype
    "tensors alone are served",  # sequences, maps, optional values
    "ONNX Runtime has no",
    "ONNX Runtime cannot",
    "ONNX Runtime does not",
    "the model does not take it",
    "[batch, ...] is expected",  # as many rows as its values say
    "varies",
    "infinite",
    "NaN",
)
"""Words of the reasons that a case may be refused for."""


@pytest.mark.parametrize("name", spread(SAMPLE))
def test_a_case_gives_what_onnx_says_or_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    try:
        reference, given, wanted = loaded(node_cases()[name], tmp_path)
    except UserError as error:
        if not any(words in str(error) for words in REFUSED):
            raise
        return
    answers = reference.run(given)
    for output, values in zip(answers.values(), wanted, strict=True):
        assert not differs(output, values), name


@pytest.mark.sweep
@pytest.mark.server
def test_cases_are_served(tmp_path: Path) -> None:
    """Prints how many were, and why the others were not."""
    served: dict[str, tuple[dict[str, np.ndarray], list[np.ndarray]]] = {}
    reasons: Counter[str] = Counter()
    for name in spread(SWEEP):
        try:
            reference, given, wanted = loaded(node_cases()[name], tmp_path / "files")
            bundle = export(reference, tmp_path / "bundles" / name, ["onnx-fp32"], {}, "1")
            if bundle.accepted:
                served[name] = given, list(wanted)
            else:
                why = bundle.skipped.get("onnx-fp32") or str(bundle.variants["onnx-fp32"].reason)
                reasons[next((words for words in REFUSED if words in why), why[:80])] += 1
        except (UserError, GateError) as error:
            reasons[next((words for words in REFUSED if words in str(error)), str(error)[:80])] += 1
    server = Server(*(tmp_path / "bundles" / name for name in sorted(served)), folder=tmp_path, runtime="onnx")
    try:
        rest = server.wait_ready()["rest"]
        for number, (name, (given, wanted)) in enumerate(served.items()):
            body = {"inputs": [(raw_tensor if number % 2 else tensor)(*each) for each in given.items()]}
            answers = arrays(ask(rest, f"/v2/models/{name}/infer", *_sent(body, given, raw=bool(number % 2))))
            found = [differs(answer, values) for answer, values in zip(answers.values(), wanted, strict=True)]
            reasons[max(found) or "served and equal"] += 1
    finally:
        server.stop()
    print(reasons.most_common())
    assert reasons["served and equal"] >= 300


def _sent(body: dict[str, Any], given: Mapping[str, np.ndarray], *, raw: bool) -> tuple[bytes, dict[str, str]]:
    """A body, with the elements behind it where they are `raw`, and its headers."""
    text = json.dumps(body).encode()
    if not raw:
        return text, {"Content-Type": "application/json"}
    return text + b"".join(values.tobytes() for values in given.values()), {LENGTH: str(len(text))}
