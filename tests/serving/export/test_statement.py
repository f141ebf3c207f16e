"""provenance.json is an in-toto statement with SLSA's predicate, of all files of the bundle but itself."""

import json
from pathlib import Path

from tests.serving.export.tiny_reference import tiny_reference
from tests.serving.tiny_bundle import FILE, described
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.statement import Origin, statement


def test_a_statement_has_the_fields_of_its_schemas() -> None:
    origin = Origin(
        recipe={"optimizer.name": "AdamW"},
        data={"train": {"samples": 3, "sha256": "33" * 32}, "test": {"samples": 2, "sha256": None}},
        steps={"config.yaml": "11" * 32, "model/weights.safetensors": "22" * 32},
        versions={"torch": "2.14"},
    )
    bundle = described(files={FILE: "44" * 32}, provenance={"exported": "2026-01-02T03:04:05+00:00", "onnx": "1.23"})
    assert statement(bundle, origin) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": FILE, "digest": {"sha256": "44" * 32}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:torchferry:export:1",
                "externalParameters": {"name": "tiny", "version": "1.0", "recipe": {"optimizer.name": "AdamW"}},
                "internalParameters": {"trained_with": {"torch": "2.14"}, "exported_with": {"onnx": "1.23"}},
                "resolvedDependencies": [
                    {
                        "name": "train",
                        "uri": "urn:torchferry:data:train",
                        "annotations": {"samples": 3},
                        "digest": {"sha256": "33" * 32},
                    },
                    {"name": "test", "uri": "urn:torchferry:data:test", "annotations": {"samples": 2}},
                    {"name": "config.yaml", "digest": {"sha256": "11" * 32}},
                    {"name": "model/weights.safetensors", "digest": {"sha256": "22" * 32}},
                ],
            },
            "runDetails": {
                "builder": {"id": "urn:torchferry"},
                "metadata": {"finishedOn": "2026-01-02T03:04:05+00:00"},
            },
        },
    }


def test_an_exported_bundle_lists_its_statement_and_that_lists_the_other_files(tmp_path: Path) -> None:
    bundle = export(tiny_reference(limits={"max_abs_diff": 5.0}), tmp_path / "bundle", ["torch"], {}, "1.0")
    written = json.loads(bundle.verified("provenance.json").read_text())
    subjects = {each["name"]: each["digest"]["sha256"] for each in written["subject"]}
    assert subjects == {name: digest for name, digest in bundle.files.items() if name != "provenance.json"}
    bundles.load(tmp_path / "bundle").check_whole()
