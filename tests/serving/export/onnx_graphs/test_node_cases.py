"""ONNX's own cases of its operators, imported, exported and served."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.server import Server
from tests.serving.export.onnx_graphs.node_cases import differs, loaded, node_cases, spread
from tests.serving.onnx_server.asking import LENGTH, arrays, ask, tensor
from torchferry.errors import GateError, UserError
from torchferry.serving.codec.tensors import to_raw
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.numbered_strings import all_numbered, as_served

SAMPLE, SWEEP = 50, 700
CHOSEN = (
    "test_equal_string",
    "test_string_concat_utf8",
    "test_string_concat_zero_dimensional",
    "test_string_split_empty_tensor",
    "test_ai_onnx_ml_label_encoder_string_int",
    "test_tfidfvectorizer_tf_batch_uniandbigrams_skip5",
    "test_cast_BFLOAT16_to_FLOAT",
    "test_compress_bfloat16",
    "test_split_zero_size_splits_opset18",
    "test_isinf",
)
"""Beside the sample: strings, bfloat16, tensors without elements and infinities, none of which may be refused."""
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


@pytest.mark.parametrize("name", [*spread(SAMPLE), *CHOSEN])
def test_a_case_gives_what_onnx_says_or_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    try:
        reference, given, wanted = loaded(node_cases()[name], tmp_path)
    except UserError as error:
        if name in CHOSEN or not any(words in str(error) for words in REFUSED):
            raise
        return
    answers = as_served(reference.run(all_numbered(given)), reference.outputs)
    for output, values in zip(answers.values(), wanted, strict=True):
        assert not differs(output, values), name


@pytest.mark.sweep
@pytest.mark.server
def test_cases_are_served(tmp_path: Path) -> None:
    """Prints how many were, and why the others were not."""
    served: dict[str, tuple[dict[str, np.ndarray], list[np.ndarray]]] = {}
    datatypes: dict[str, dict[str, str]] = {}
    reasons: Counter[str] = Counter()
    for name in spread(SWEEP):
        try:
            reference, given, wanted = loaded(node_cases()[name], tmp_path / "files")
            bundle = export(reference, tmp_path / "bundles" / name, ["onnx-fp32"], {}, "1")
            if bundle.accepted:
                served[name] = given, list(wanted)
                datatypes[name] = {spec.name: spec.datatype for spec in bundle.inputs}
            else:
                why = bundle.skipped.get("onnx-fp32") or str(bundle.variants["onnx-fp32"].reason)
                reasons[next((words for words in REFUSED if words in why), why[:80])] += 1
        except (UserError, GateError) as error:
            reasons[next((words for words in REFUSED if words in str(error)), str(error)[:80])] += 1
    server = Server(*(tmp_path / "bundles" / name for name in sorted(served)), folder=tmp_path, runtime="onnx")
    try:
        rest = server.wait_ready()["rest"]
        for number, (name, (given, wanted)) in enumerate(served.items()):
            sent = _sent(given, datatypes[name], raw=bool(number % 2))
            answers = arrays(ask(rest, f"/v2/models/{name}/infer", *sent))
            found = [differs(answer, values) for answer, values in zip(answers.values(), wanted, strict=True)]
            reasons[max(found) or "served and equal"] += 1
    finally:
        server.stop()
    print(reasons.most_common())
    assert reasons["served and equal"] >= 300


def _sent(given: Mapping[str, np.ndarray], datatypes: Mapping[str, str], *, raw: bool) -> tuple[bytes, dict[str, str]]:
    """A body, with the elements behind it where they are `raw`, and its headers."""
    inputs = [tensor(name, values, datatype=datatypes[name]) for name, values in given.items()]
    if not raw:
        return json.dumps({"inputs": inputs}).encode(), {"Content-Type": "application/json"}
    elements = [to_raw(values, datatypes[name]) for name, values in given.items()]
    for described, part in zip(inputs, elements, strict=True):
        del described["data"]
        described["parameters"] = {"binary_data_size": len(part)}
    text = json.dumps({"inputs": inputs}).encode()
    return text + b"".join(elements), {LENGTH: str(len(text))}
