"""The bytes of a sound file to samples. numpy, soundfile and soxr only: it travels into archives.

WAV, FLAC, OGG (Vorbis or Opus) and MP3, known by their first bytes. Channels are averaged. Full scale is -1..1,
whatever the file stores; lossy formats and resampling may overshoot it a little, which is kept. Another rate is
resampled by soxr's `HQ`.
"""

import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import numpy as np
import soundfile
import soxr

SUFFIXES = ("wav", "flac", "ogg", "oga", "opus", "mp3")
"""Names of such files end so. A file without such an ending is a sound if its first bytes say so."""
HEAD = 12
"""So many bytes tell a sound from other files."""
LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000
"""Hz, of a file and of what a network takes; resampling from a rate far lower would make millions of samples of few."""
MAX_CHANNELS = 32
MAX_SAMPLES = 50_000_000
"""Of all channels, before and after resampling, whatever the network takes: 200 MB, 52 minutes at 16,000 Hz."""
MAX_LEVEL = 16.0
"""Times full scale. Samples of a float file that are larger are numbers of a scale that the file does not say."""
QUALITY = "HQ"
_SUBTYPES = {
    *("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
    *("VORBIS", "OPUS", "MPEG_LAYER_II", "MPEG_LAYER_III"),
}
"""soundfile's names. libsndfile's decoders of others, such as ADPCM in a WAV, are seldom needed and had many faults."""
_KINDS = {
    "WAV": rb"(RIFF|RIFX|RF64).{4}WAVE",
    "FLAC": rb"fLaC",
    "OGG": rb"OggS",
    "MP3": rb"ID3|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][^\xf0-\xff]",  # layers II and III; \xff\xfe begins UTF-16
}
FORMATS = tuple(_KINDS)
_HEADS = re.compile(b"|".join(b"(?P<%b>%b)" % (kind.encode(), head) for kind, head in _KINDS.items()), re.DOTALL)
_ENDLESS = 0x7FFFF000
"""Bytes of a WAV's samples that its header says where it was written to a pipe, or more."""
_MISCOUNTED = 64
"""Bytes of a WAV that may be missing: some programs count its header among its samples."""
MAX_PAGES = 50_000
"""Of an OGG, which has one for each second or, rarely, each packet of 20 ms. libogg takes 10 us for each false one."""
_UNKNOWN = 2**62
"""Samples, or more: the header, of a FLAC that was written to a pipe, does not say how many."""
_NO_FRAME = "File does not exist or is not a regular file (possibly a pipe?)."
"""What libsndfile says of an MP3 in which it finds none."""
_TRIMMED = 2_304
"""Samples, two frames of an MP3, that a whole file may lack of what its header says."""
_MARGIN = 2_000
"""Samples of the lower rate, read beyond what is kept: its end is then resampled as if the rest were there."""


class NotASound(ValueError):
    """The bytes are not a sound that can be taken; the text says why."""


class SoundTooLong(NotASound):
    """By its header, or after no more samples than the limit were decoded."""


def is_sound(head: bytes) -> bool:
    """Whether a file that begins with `head`, HEAD bytes or all there are, is a sound of these formats."""
    return _HEADS.match(head) is not None


def decode_sound(data: bytes, rate: int, least: int = 1, most: int | None = None, truncate: bool = False) -> np.ndarray:
    """float32 [samples] at `rate` of a file's bytes, whatever its name: `least` to `most` samples, of which the first
    `most` are taken of a longer one if `truncate`. Raises NotASound."""
    with _opened(data) as sound:
        stored, margin = sound.samplerate, _margin(sound.samplerate, rate)
        possible = min(MAX_SAMPLES, (MAX_SAMPLES // sound.channels - margin) * rate // stored)
        limit = min(most or possible, possible)
        cut = truncate and limit == most
        if sound.frames * rate > (limit + 1) * stored and sound.frames < _UNKNOWN and not cut:
            _refuse_longer(sound.frames / stored, rate, limit)
        samples = _read(sound, min(sound.frames, -(-(limit + 1) * stored // rate) + margin))
    _check_values(samples)
    if stored != rate:
        samples = soxr.resample(samples, stored, rate, quality=QUALITY)
    if len(samples) > limit and not cut:
        _refuse_longer(len(samples) / rate, rate, limit)
    if len(samples) < least:
        raise NotASound(f"the sound has {_length(len(samples), rate)}; {_length(least, rate)} or more are taken")
    return np.array(samples[:limit])  # no view, which would keep all that was read


def count_samples(data: bytes, rate: int) -> int:
    """Of the sound at `rate`, as the file's header says it, within one; nothing is decoded. Raises NotASound."""
    with _opened(data) as sound:
        return round(sound.frames * rate / sound.samplerate)


class _Sound(soundfile.SoundFile):  # type: ignore[misc]  # it has no types
    def seekable(self) -> bool:
        """soundfile then reads without seeking, which fails in a FLAC that was written to a pipe."""
        return False


class _File(io.BytesIO):
    """What libsndfile reads of. Its seeks before the beginning, in damaged files, are none; and its reads end, since a
    WAV of 16 MB can have two million empty parts."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads = 100_000 + len(data) // 16

    def readinto(self, buffer: object) -> int:
        self.reads -= 1
        return super().readinto(buffer) if self.reads > 0 else 0  # type: ignore[arg-type]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_CUR: self.tell(), io.SEEK_END: len(self.getbuffer())}.get(whence, 0)
        return super().seek(min(max(start + offset, 0), len(self.getbuffer())))


def _opened(data: bytes) -> _Sound:
    found = _HEADS.match(data)
    if found is None:
        names = ", ".join(FORMATS)
        raise NotASound(f"the {len(data):,} bytes are not a sound in {names}" if data else "the sound's file is empty")
    if found.lastgroup == "WAV":
        _check_whole(data)
    if found.lastgroup == "OGG" and data.count(b"OggS") > MAX_PAGES:
        raise NotASound(f"the sound is not decoded: it has more than {MAX_PAGES:,} pages")
    with _damage_told():
        sound = _Sound(_File(data))
    if sound.subtype not in _SUBTYPES:
        stored = f"the sound's samples are stored as {sound.subtype_info}"
        raise NotASound(f"{stored}, which is not read; save it as PCM with 16 bits")
    if not LOWEST_RATE <= sound.samplerate <= HIGHEST_RATE:
        raise NotASound(f"the sound has {sound.samplerate:,} Hz; {LOWEST_RATE:,} to {HIGHEST_RATE:,} are taken")
    if sound.channels > MAX_CHANNELS:
        raise NotASound(f"the sound has {sound.channels} channels; {MAX_CHANNELS} are allowed")
    return sound


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        text = " ".join(error.error_string.split()).removeprefix("Error : ")
        why = "no frame of it can be read" if text == _NO_FRAME else text
        raise NotASound(f"the sound is damaged: {why}") from error


def _check_whole(data: bytes) -> None:
    """Of a WAV, of which libsndfile reads what is there. Raises NotASound."""
    order = ">" if data[:4] == b"RIFX" else "<"
    place, large = 12, _ENDLESS
    while place + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        place += 8
        if name == b"ds64" and place + 16 <= len(data):
            (large,) = struct.unpack_from("<Q", data, place + 8)  # of an RF64's samples
        elif name == b"data":
            said, there = large if size == 2**32 - 1 else size, len(data) - place
            if there + _MISCOUNTED < said < _ENDLESS:
                raise NotASound(f"the sound is cut short: {there:,} of {said:,} bytes of samples are there")
            return
        place += size + size % 2


def _margin(stored: int, rate: int) -> int:
    return 0 if stored == rate else _MARGIN * max(1, -(-stored // rate))


def _read(sound: _Sound, frames: int) -> np.ndarray:
    """The average of the channels."""
    with _damage_told():
        samples = sound.read(frames, dtype="float32", always_2d=True)
    if len(samples) < frames - _TRIMMED and sound.frames < _UNKNOWN:
        raise NotASound(f"the sound is cut short: {len(samples):,} of {sound.frames:,} samples are there")
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)


def _check_values(samples: np.ndarray) -> None:
    if not len(samples):
        raise NotASound("the sound has no samples")
    level = float(np.maximum(samples.max(), -samples.min()))
    if not np.isfinite(level):
        raise NotASound("the sound has samples that are not finite numbers")
    if level > MAX_LEVEL:
        raise NotASound(f"the sound has samples up to {level:,.6g}; full scale is -1 to 1, of integers too")


def _refuse_longer(seconds: float, rate: int, limit: int) -> NoReturn:
    raise SoundTooLong(f"the sound has {seconds:,.4g} s; {_length(limit, rate)} are allowed")


def _length(samples: int, rate: int) -> str:
    return f"{samples / rate:,.4g} s ({samples:,} samples at {rate:,} Hz)"
