"""The files that somebody vouches for, and what speaks for them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Listing:
    """All files of a bundle, or the one of an archive."""

    name: str
    """Whoever reads a signature is told it; nothing depends on it."""
    files: Mapping[str, str]
    """SHA-256 by path; the path of a single file is a dot."""


@dataclass(frozen=True)
class Signed:
    what: str
    """For messages: where it lies."""
    listing: Listing
    signature: bytes | None
    """In the OpenSSF model-signing format."""
    digest: str = ""
    former: str | None = None
    """The signature of `digest` that bundles of before hold."""
