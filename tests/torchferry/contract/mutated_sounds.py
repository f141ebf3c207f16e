"""Damaged sound files by the thousand: `python -m tests.torchferry.contract.mutated_sounds SEED FILES`.

Prints how many were decoded and how many were refused; anything else ends it.
"""

import struct
import sys

import numpy as np

from tests.torchferry.contract.sounds import saved
from torchferry.contract.audio import NotASound, decode_sound

MOST = 160_000
WORDS = (
    *(b"RIFF", b"data", b"fmt ", b"LIST", b"fact", b"smpl", b"cue ", b"bext", b"PEAK", b"cart", b"inst", b"ds64"),
    *(b"OggS", b"fLaC", b"ID3\4", b"\xff\xfb", b"Xing", b"OpusHead", b"\x01vorbis", b"\xff" * 4, b"\0" * 4),
)
SIZES = (0, 1, 4, 8, 65535, 65536, 2**31 - 1, 2**32 - 1)
KINDS = (
    *(("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAVEX", "PCM_16"), ("RF64", "PCM_16")),
    *(("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
)


def files() -> list[bytes]:
    noise = np.random.default_rng(0).normal(0, 0.2, (4000, 2))
    heard = [(noise, 48_000), (noise[:, 0], 16_000)]
    return [saved(samples, rate, format, subtype=subtype) for format, subtype in KINDS for samples, rate in heard]


def mutated(whole: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(whole)
    for _ in range(rng.integers(1, 9)):
        place = int(rng.integers(min(len(data), 300) if rng.random() < 0.5 else len(data)))
        match rng.integers(5):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                word = WORDS[rng.integers(len(WORDS))]
                data[place : place + len(word)] = word
            case 2:
                data[place : place + 4] = struct.pack("<I", SIZES[rng.integers(len(SIZES))])
            case 3:
                other = int(rng.integers(len(data)))
                data[place:place] = data[other : other + int(rng.integers(400))]
            case 4:
                del data[place + 40 : None if rng.random() < 0.2 else place + 80]
    return bytes(data)


def main(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    whole = files()
    decoded = refused = 0
    for number in range(count):
        try:
            found = decode_sound(mutated(whole[number % len(whole)], rng), 16_000, 1, MOST, truncate=number % 2 == 0)
        except NotASound:
            refused += 1
            continue
        assert found.dtype == np.float32
        assert 1 <= len(found) <= MOST
        assert np.isfinite(found).all()
        decoded += 1
    print(decoded, refused)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
