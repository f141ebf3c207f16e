"""The word that was meant."""

import difflib
from collections.abc import Iterable

LONGEST = 200
"""Letters of a word that are compared: difflib takes seconds for a million, and no known word is as long."""


def nearest(word: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known word that is most like `word`, whose capitals do not count; None if none is like it.

    `least` is difflib's ratio, 0..1.
    """
    if len(word) > LONGEST:
        return None
    by_small = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_small, n=1, cutoff=least)
    return by_small[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a message about an unknown word: the nearest one, or else what `otherwise` says."""
    found = nearest(word, known)
    end = f"did you mean {found}?" if found else otherwise
    return f"; {end}" if end else ""
