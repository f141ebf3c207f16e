"""A signal that ends a measurement early: what was finished counts, and the exit code says so."""

import sys

from torchferry.termination import take


def exit_code(error: BaseException) -> int:
    """Of the KeyboardInterrupt or the SystemExit that the signal became, which is taken."""
    take(error)
    return int(error.code or 0) if isinstance(error, SystemExit) else 130


def end_as(interrupted: int | None) -> None:
    """Leave with the exit code of the signal, if one came."""
    if interrupted is not None:
        sys.exit(interrupted)
