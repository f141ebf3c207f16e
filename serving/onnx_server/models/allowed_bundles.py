"""Finds bundles that may be loaded while the server runs: in certain folders or in one registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.onnx_server.models.pulled_bundles import PulledBundles
from torchferry.serving.onnx_server.models.repository import Source, path_and_variant, sources


@dataclass(frozen=True)
class AllowedBundles:
    roots: Sequence[Path] = ()
    """Folders that are bundles or hold them, at any depth."""
    trusted: TrustedKeys | None = None
    """Who has to have signed them."""
    registry: PulledBundles | None = None

    def source(self, given: str, name: str, all_variants: bool = False) -> Source:
        """What `BUNDLE` or `BUNDLE:VARIANT` stands for under that name; `all_variants`: it may be NAME-VARIANT. A
        bundle is a path, or of the registry URL/NAME@VERSION. Raises UserError."""
        found = {source.name: source for source in sources(self._path(given), self.trusted, all_variants)}
        if name not in found:
            raise UserError(f"{given}: is a bundle of '{next(iter(found))}', not of '{name}'")
        return found[name]

    def _path(self, given: str) -> str:
        """With the variant, where one is named. Raises UserError."""
        if self.registry and self.registry.holds(given):
            named, colon, variant = given.removeprefix(f"{self.registry.url}/").partition(":")
            return f"{self.registry.path(named)}{colon}{variant}"
        path, _ = path_and_variant(given)
        try:
            # Where links lead to now, of both: a root may be a link that is moved on.
            where, roots = path.resolve(), [root.resolve() for root in self.roots]
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(f"{given[:200]!r}: cannot be looked up ({error})") from error
        if not any(where.is_relative_to(root) for root in roots):
            known = ", ".join(map(str, roots)) or "none"
            known += f", and the registry {self.registry.url}" if self.registry else ""
            raise UserError(f"{given[:200]}: is outside of the folders to load from ({known}); --bundle-root adds one")
        return given
