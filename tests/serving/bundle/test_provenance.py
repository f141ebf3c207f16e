"""provenance.json in words, whole or in a line; what is none is refused."""

import json

import pytest

from tests.serving.tiny_bundle import FILE, described
from torchferry.serving.bundle.provenance import Provenance
from torchferry.serving.errors import BundleError
from torchferry.serving.export.statement import Origin, statement

ORIGIN = Origin(
    recipe={"optimizer.name": "AdamW", "freeze": ["a", "b"]},
    data={"train": {"samples": 1437, "sha256": "3" * 64}, "test": {"samples": None, "sha256": None}},
    steps={"config.yaml": "1" * 64, "model/weights.safetensors": "2" * 64},
    versions={"torch": "2.14"},
)
BUNDLE = described(files={FILE: "4" * 64}, provenance={"exported": "2026-01-02T03:04:05+00:00", "onnx": "1.23"})


def provenance(origin: Origin) -> Provenance:
    return Provenance.of(json.dumps(statement(BUNDLE, origin)).encode())


def test_all_of_it_has_whole_checksums_of_each_step() -> None:
    assert list(provenance(ORIGIN).lines()) == [
        "made       2026-01-02T03:04:05+00:00",
        "trained with torch 2.14",
        "exported with onnx 1.23",
        f"data       train: 1,437 samples {'3' * 64}",
        "           test: of unknown length",
        "recipe     optimizer.name: AdamW",
        "           freeze: a, b",
        f"steps      config.yaml: {'1' * 64}",
        f"           model/weights.safetensors: {'2' * 64}",
        f"           {FILE}: {'4' * 64}",
    ]


def test_a_line_has_what_tells_versions_apart() -> None:
    assert provenance(ORIGIN).summary == (
        "made 2026-01-02T03:04:05+00:00; train 1,437 samples 333333333333; test of unknown length; "
        "model/weights.safetensors 222222222222"
    )
    assert provenance(Origin()).summary == "made 2026-01-02T03:04:05+00:00; of nothing that was recorded"
    assert "recipe     not recorded" in provenance(Origin()).lines()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"predicate": 1}', b"[" * 100_000, b"\xff", json.dumps({"predicate": {}}).encode()],
)
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"^provenance\.json: cannot be read \("):
        Provenance.of(content)


@pytest.mark.parametrize("samples", ["many", [1], {}])
def test_numbers_of_samples_that_are_none_are_refused(samples: object) -> None:
    content = statement(BUNDLE, Origin(data={"train": {"samples": samples, "sha256": None}}))
    with pytest.raises(BundleError, match="cannot be read"):
        Provenance.of(json.dumps(content).encode())
