"""What a recipe says of sounds."""

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.sounds.sound_input import sound_input
from torchferry.training.data.varying_inputs import AudioInput


def test_seconds_become_samples() -> None:
    assert sound_input() == AudioInput(rate=16_000, least=400, most=480_000, truncate=False)
    assert sound_input(8_000, 0.1, 2.0, True) == AudioInput(rate=8_000, least=800, most=16_000, truncate=True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"rate": 999}, "rate: 999 is not 1,000 to 384,000 Hz"),
        ({"rate": 400_000}, "rate: 400000 is not"),
        ({"least_seconds": 0.0}, "most_seconds: least_seconds 0.0 and most_seconds 30.0 are not in order, above 0 and"),
        ({"most_seconds": 0.02}, "most_seconds: least_seconds 0.025 and most_seconds 0.02 are not in order"),
        ({"most_seconds": 4000.0}, "most_seconds: least_seconds 0.025 and most_seconds 4000.0 are not in order"),
    ],
)
def test_what_no_sound_can_be_is_refused(args: dict[str, float], words: str) -> None:
    assert refusal(lambda: sound_input(**args)).startswith(f"data.source.args.{words}")  # type: ignore[arg-type]
