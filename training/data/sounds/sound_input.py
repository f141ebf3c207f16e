"""The arguments that all sources of sounds share, made into an AudioInput."""

from torchferry.contract.audio import HIGHEST_RATE, LOWEST_RATE, MAX_SAMPLES
from torchferry.errors import UserError
from torchferry.training.data.arguments import WHAT
from torchferry.training.data.varying_inputs import AudioInput


def sound_input(
    rate: int = 16_000, least_seconds: float = 0.025, most_seconds: float = 30.0, truncate: bool = False
) -> AudioInput:
    """What a recipe says of sounds, as the contract takes it. Raises UserError for what no sound can be.

    Args:
        rate: Samples in a second that the network takes; files of another rate are resampled, those of several channels
            averaged.
        least_seconds: Of a sound; a network says no less than it needs, log_mel_cnn the length of its window.
        most_seconds: Of a sound; of a longer one truncate decides.
        truncate: Takes the beginning of a longer sound; false refuses it, as data.on_corrupt says.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UserError(f"{WHAT}.rate: {rate} is not {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz")
    longest = MAX_SAMPLES / rate
    if not 0 < least_seconds <= most_seconds <= longest:
        bounds = f"least_seconds {least_seconds} and most_seconds {most_seconds}"
        raise UserError(f"{WHAT}.most_seconds: {bounds} are not in order, above 0 and up to {longest:,.0f}")
    return AudioInput(
        rate=rate, least=max(1, round(least_seconds * rate)), most=round(most_seconds * rate), truncate=truncate
    )
