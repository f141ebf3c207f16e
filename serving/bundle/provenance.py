"""provenance.json of a bundle, which is among the files that are signed, in words."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from torchferry.serving.errors import BundleError

PROVENANCE = "provenance.json"
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
SHORT = 12
"""So many digits of a checksum are enough for people."""


@dataclass(frozen=True)
class Provenance:
    made: str
    """When the bundle was made."""
    recipe: dict[str, Any]
    data: dict[str, str]
    """By part, how many samples, and their checksum where it is known."""
    steps: dict[str, str]
    """SHA-256 by file, from the recipe to the weights."""
    results: dict[str, str]
    """The same of the bundle's files."""
    versions: dict[str, dict[str, Any]]
    """By `trained_with` and `exported_with`."""

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Raises BundleError for what is no statement of ours."""
        try:
            whole = json.loads(content)
            build = whole["predicate"]["buildDefinition"]
            used = build["resolvedDependencies"]
            return cls(
                made=str(whole["predicate"]["runDetails"]["metadata"]["finishedOn"]),
                recipe=dict(build["externalParameters"]["recipe"]),
                data={each["name"]: _samples(each) for each in used if "annotations" in each},
                steps={each["name"]: str(each["digest"]["sha256"]) for each in used if "annotations" not in each},
                results={each["name"]: str(each["digest"]["sha256"]) for each in whole["subject"]},
                versions={way: dict(found) for way, found in build["internalParameters"].items()},
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise BundleError(f"{PROVENANCE}: cannot be read ({type(error).__name__}: {error})") from error

    @property
    def summary(self) -> str:
        """In a line."""
        weights = next(reversed(self.steps.items()), None)
        parts = [f"{part} {_short(samples)}" for part, samples in self.data.items()]
        parts += [_short(" ".join(weights))] if weights else []
        return f"made {self.made}; {'; '.join(parts) or 'of nothing that was recorded'}"

    def lines(self) -> Iterator[str]:
        """All of it; whole checksums, so that they can be compared with files."""
        yield f"made       {self.made}"
        for way, versions in self.versions.items():
            told = ", ".join(f"{name} {_text(version)}" for name, version in versions.items())
            yield f"{way.replace('_', ' '):10} {told or 'not recorded'}"
        yield from _block("data", self.data)
        yield from _block("recipe", self.recipe)
        yield from _block("steps", self.steps | self.results)


def _samples(described: dict[str, Any]) -> str:
    samples, digest = described["annotations"]["samples"], described.get("digest", {}).get("sha256")
    known = "of unknown length" if samples is None else f"{samples:,} samples"
    return f"{known} {digest}" if digest else known


def _short(text: str) -> str:
    return DIGEST.sub(lambda found: found[0][:SHORT], text)


def _block(title: str, content: dict[str, Any]) -> Iterator[str]:
    if not content:
        yield f"{title:10} not recorded"
    for number, (name, value) in enumerate(content.items()):
        yield f"{'' if number else title:10} {name}: {_text(value)}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
