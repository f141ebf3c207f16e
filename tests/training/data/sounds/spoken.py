"""Folders of sounds as sources find them."""

from pathlib import Path

from tests.torchferry.contract.sounds import saved, tone


def spoken(root: Path, people: str = "ab", takes: int = 2, format: str = "WAV") -> Path:
    """ROOT/low and ROOT/high with tones of each person, each of its own length, named as PERSON_TAKE."""
    for label, hertz in (("low", 300.0), ("high", 3000.0)):
        (root / label).mkdir(parents=True)
        for place, person in enumerate(people):
            for take in range(takes):
                sound = saved(tone(0.1 + 0.01 * place + 0.001 * take, hertz=hertz), format=format)
                (root / label / f"{person}_{take}.{format.lower()}").write_bytes(sound)
    return root
