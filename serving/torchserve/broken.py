"""Versions that should be served and cannot be, where --skip-broken goes on without them."""

import sys

from torchferry.errors import UserError


class Broken:
    def __init__(self, skip: bool) -> None:
        self.skip = skip
        self.reasons: dict[tuple[str, str], str] = {}
        """By name and version; where nothing says which version it would be, that is empty."""

    def leave_out(self, name: str, version: str, error: Exception) -> None:
        """Raises the error, unless it is to be skipped."""
        if not self.skip:
            raise error
        self.reasons[name, version] = reason = str(error).partition("\n")[0]
        print(f"torchferry: {reason}; it is skipped", file=sys.stderr, flush=True)

    def check_left(self, served: int) -> None:
        """Raises UserError if nothing is."""
        if not served:
            raise UserError("none of the models can be served")
