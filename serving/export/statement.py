"""provenance.json: what a bundle was made from, with each step's checksum: SLSA provenance in an in-toto statement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torchferry.serving.bundle.bundle import Bundle

STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"
BUILDER, BUILD = "urn:torchferry", "urn:torchferry:export:1"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained or built by, by the recipe's dotted keys or the command's options."""
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By part, such as train: how many `samples`, and their `sha256`; None is what is not known."""
    steps: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the files from the recipe to the weights, in their order."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of what trained it."""


def statement(bundle: Bundle, origin: Origin) -> dict[str, Any]:
    """Of the bundle's files, all but the statement itself."""
    return {
        "_type": STATEMENT,
        "subject": [_file(name, digest) for name, digest in bundle.files.items()],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {"name": bundle.name, "version": bundle.version, "recipe": dict(origin.recipe)},
                "internalParameters": {
                    "trained_with": dict(origin.versions),
                    "exported_with": _without_time(bundle.provenance),
                },
                "resolvedDependencies": [
                    *(_data(part, listing) for part, listing in origin.data.items()),
                    *(_file(name, digest) for name, digest in origin.steps.items()),
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER},
                "metadata": {"finishedOn": bundle.provenance["exported"]},
            },
        },
    }


def _without_time(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in provenance.items() if name != "exported"}


def _file(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}


def _data(part: str, listing: Mapping[str, Any]) -> dict[str, Any]:
    described = {"name": part, "uri": f"urn:torchferry:data:{part}", "annotations": {"samples": listing["samples"]}}
    return described if listing["sha256"] is None else described | {"digest": {"sha256": listing["sha256"]}}
