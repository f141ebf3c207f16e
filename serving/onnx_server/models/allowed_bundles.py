"""Finds bundles that may be loaded while the server runs: in certain folders, signed if they have to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.onnx_server.models.repository import Source, path_and_variant, sources


@dataclass(frozen=True)
class AllowedBundles:
    roots: Sequence[Path] = ()
    """Folders that are bundles or hold them, at any depth."""
    trusted: TrustedKeys | None = None

    def sources(self, given: str) -> list[Source]:
        """What `BUNDLE` or `BUNDLE:VARIANT` stands for. Raises UserError."""
        path, _ = path_and_variant(given)
        try:
            # Where links lead to now, of both: a root may be a link that is moved on.
            where, roots = path.resolve(), [root.resolve() for root in self.roots]
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(f"{given[:200]!r}: cannot be looked up ({error})") from error
        if not any(where.is_relative_to(root) for root in roots):
            known = ", ".join(map(str, roots)) or "none"
            raise UserError(f"{given[:200]}: is outside of the folders to load from ({known}); --bundle-root adds one")
        return sources(given, self.trusted)
