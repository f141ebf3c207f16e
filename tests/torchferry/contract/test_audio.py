"""Sound files of every kind as samples, those that are none, and those that would fill the memory or take minutes."""

import itertools
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.commands import run_python
from tests.torchferry.contract.sounds import RATE, saved, tone
from torchferry.contract import audio
from torchferry.contract.audio import NotASound, SoundTooLong, count_samples, decode_sound, is_sound

SECOND = tone(1)
KINDS = {
    **{f"WAV {subtype}": ("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW")},
    **{f"WAV {subtype}": ("WAV", subtype) for subtype in ("FLOAT", "DOUBLE")},
    "WAVEX PCM_16": ("WAVEX", "PCM_16"),
    "RF64 PCM_16": ("RF64", "PCM_16"),
    "FLAC PCM_16": ("FLAC", "PCM_16"),
    "OGG VORBIS": ("OGG", "VORBIS"),
    "OGG OPUS": ("OGG", "OPUS"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
}
LOSSY = ("OGG VORBIS", "OGG OPUS", "MP3")


def with_size(data: bytes, size: int) -> bytes:
    """A WAV that says so many bytes of samples."""
    place = data.index(b"data") + 4
    return data[:place] + struct.pack("<I", size) + data[place + 4 :]


def of_unknown_length(flac: bytes) -> bytes:
    """As `flac - > pipe` writes it: the lower 36 bits at byte 18 count the samples."""
    said = int.from_bytes(flac[18:26], "big") >> 36 << 36
    return flac[:18] + said.to_bytes(8, "big") + flac[26:]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_every_kind_is_the_sound_that_was_saved(kind: str, rate: int) -> None:
    format, subtype = KINDS[kind]
    data = saved(tone(1, rate), rate, format, subtype=subtype)
    assert is_sound(data[: audio.HEAD])
    found = decode_sound(data, RATE)
    assert found.dtype == np.float32
    assert len(found) == RATE == count_samples(data, RATE)
    middle = slice(2000, -2000)
    assert np.abs(found - SECOND)[middle].max() < (0.1 if kind in LOSSY else 0.02)


def test_samples_of_16_bits_are_as_they_are_stored() -> None:
    stored = np.array([0, 1, -1, 16384, 32767, -32768], np.int16)
    assert decode_sound(saved(stored), RATE).tolist() == (stored / np.float32(32768)).tolist()


def test_channels_are_averaged() -> None:
    both = np.stack([SECOND, -0.5 * SECOND], axis=1)
    np.testing.assert_allclose(decode_sound(saved(both, subtype="FLOAT"), RATE), 0.25 * SECOND, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_another_rate_is_resampled_without_aliases(rate: int) -> None:
    found = decode_sound(saved(tone(1, rate), rate, subtype="FLOAT"), RATE)
    assert abs(len(found) - RATE) <= 1
    np.testing.assert_allclose(found[2000:14000], SECOND[2000:14000], atol=1e-3)
    if rate > RATE:
        above = decode_sound(saved(tone(1, rate, 0.45 * rate), rate, subtype="FLOAT"), RATE)
        assert np.abs(above[2000:14000]).max() < 1e-3


def test_no_sample_of_a_file_stays_in_memory_behind_what_is_kept() -> None:
    assert decode_sound(saved(tone(5)), RATE, most=100, truncate=True).base is None


class TestLimits:
    def test_a_longer_sound_is_refused_with_the_limit(self) -> None:
        with pytest.raises(SoundTooLong, match=r"has 1 s; 0.5 s \(8,000 samples at 16,000 Hz\) are allowed"):
            decode_sound(saved(SECOND), RATE, most=8000)
        assert len(decode_sound(saved(SECOND), RATE, most=RATE)) == RATE

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("rate", [16_000, 48_000])
    def test_a_cut_sound_is_the_beginning_of_the_whole(self, kind: str, rate: int) -> None:
        format, subtype = KINDS[kind]
        data = saved(tone(1, rate), rate, format, subtype=subtype)
        cut = decode_sound(data, RATE, most=8000, truncate=True)
        np.testing.assert_allclose(cut, decode_sound(data, RATE)[:8000], atol=1e-6)
        assert len(cut) == 8000

    def test_a_shorter_sound_is_refused_with_the_limit(self) -> None:
        with pytest.raises(NotASound, match=r"has 0.01 s \(160 samples at 16,000 Hz\); 0.025 s \(400 samples at 16,"):
            decode_sound(saved(tone(0.01)), RATE, least=400)

    def test_a_small_file_of_hours_is_refused_by_its_header(self, monkeypatch: pytest.MonkeyPatch) -> None:
        silence = saved(np.zeros(20 * 60 * RATE, np.float32), format="FLAC")
        assert len(silence) < 100_000
        monkeypatch.setattr(audio, "_read", None)
        with pytest.raises(SoundTooLong, match="has 1,200 s; 10 s"):
            decode_sound(silence, RATE, most=10 * RATE)

    @pytest.mark.parametrize("limit", [8000, 15_999])
    @pytest.mark.parametrize("rate", [RATE, 48_000])
    def test_a_flac_that_hides_its_length_is_decoded_to_the_limit(self, limit: int, rate: int) -> None:
        data = of_unknown_length(saved(tone(1, rate), rate, "FLAC"))
        with pytest.raises(SoundTooLong, match="are allowed"):
            decode_sound(data, RATE, most=limit)
        assert len(decode_sound(data, RATE, most=limit, truncate=True)) == limit
        assert len(decode_sound(data, RATE, most=RATE)) == RATE
        assert len(decode_sound(data, RATE)) == RATE

    def test_whatever_the_network_takes_the_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(audio, "MAX_SAMPLES", 100_000)
        assert len(decode_sound(saved(tone(6)), RATE)) == 96_000
        for wide in (saved(tone(7)), saved(np.zeros((RATE, 8))), saved(np.zeros(90_000), 8_000)):
            for truncate in (False, True):
                with pytest.raises(SoundTooLong, match="are allowed"):
                    decode_sound(wide, RATE, most=110_000, truncate=truncate)

    def test_pages_of_an_ogg_are_counted(self) -> None:
        false = saved(SECOND, format="OGG")[:4000] + (audio.MAX_PAGES + 1) * b"OggS"
        with pytest.raises(NotASound, match="more than 50,000 pages"):
            decode_sound(false, RATE)

    def test_reads_end(self) -> None:
        file = audio._File(b"12345678")
        file.reads = 3
        assert [file.readinto(bytearray(2)) for _ in range(4)] == [2, 2, 0, 0]


class TestNoSound:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "the sound's file is empty"),
            (b"some words, and more of them", "the 28 bytes are not a sound in WAV, FLAC, OGG, MP3"),
            (b"\xff\xfea\0b\0c\0", "are not a sound in"),
            (b"\xff\xd8\xff\xe0" + bytes(30), "are not a sound in"),
            (b"\0\0\0\x20ftypM4A " + bytes(30), "are not a sound in"),
            (saved(SECOND, format="AIFF"), "are not a sound in"),
            (b"RIFF\0\0\0\0WAVE", "is damaged"),
            (b"fLaC" + bytes(100), "is damaged"),
            (b"OggS" + bytes(100), "is damaged"),
            (b"ID3\4" + bytes(100), "is damaged"),
            (saved(SECOND, format="MP3")[:100], "is damaged: no frame of it can be read"),
            (saved(SECOND)[:20_000], "is cut short: 19,956 of 32,000 bytes of samples are there"),
            (saved(SECOND, format="RF64")[:20_000], "is cut short"),
            (saved(SECOND, format="FLAC")[:5000], "is damaged: flac decoder lost sync"),
            (saved(SECOND, format="MP3")[:1200], "is cut short"),
            (saved(np.zeros(0, np.float32)), "has no samples"),
            (saved(np.array([0, np.nan], np.float32), subtype="FLOAT"), "that are not finite numbers"),
            (saved(np.array([0, -np.inf], np.float32), subtype="FLOAT"), "that are not finite numbers"),
            (saved(32768 * SECOND, subtype="FLOAT"), r"samples up to 16,384; full scale is -1 to 1"),
            (saved(SECOND, 500), "has 500 Hz; 1,000 to 384,000 are taken"),
            (saved(SECOND, 500_000), "has 500,000 Hz; 1,000 to 384,000"),
            (saved(np.zeros((100, 33))), "has 33 channels; 32 are allowed"),
            (saved(SECOND, subtype="IMA_ADPCM"), "stored as IMA ADPCM, which is not read; save it as PCM with 16 bits"),
        ],
        ids=itertools.count(),  # a file of floats says when it was written
    )
    @pytest.mark.parametrize("truncate", [False, True])
    def test_it_is_told_why(self, data: bytes, message: str, truncate: bool) -> None:
        with pytest.raises(NotASound, match=message):
            decode_sound(data, RATE, most=100_000, truncate=truncate)


class TestWrittenToAPipe:
    @pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 2 * RATE + 36])
    def test_a_wav_that_does_not_know_its_length_is_read_to_its_end(self, size: int) -> None:
        assert np.array_equal(decode_sound(with_size(saved(SECOND), size), RATE), decode_sound(saved(SECOND), RATE))

    def test_it_has_a_limit_too(self) -> None:
        with pytest.raises(SoundTooLong):
            decode_sound(with_size(saved(SECOND), 0xFFFFFFFF), RATE, most=8000)


@pytest.mark.parametrize("ask", [lambda data: decode_sound(data, RATE), lambda data: count_samples(data, RATE)])
def test_threads_do_not_meet(ask: Callable[[bytes], Any]) -> None:
    files = [saved(SECOND, format=format) for format in ("WAV", "FLAC", "OGG", "MP3")]
    expected = [ask(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, 20 * files))
    assert all(np.array_equal(one, other) for one, other in zip(found, 20 * expected, strict=True))


def test_mutated_files_never_end_the_process() -> None:
    """libsndfile and its decoders are C; ten times as many were tried by hand, with pages of valid checksums too."""
    done = run_python("-X", "faulthandler", "-m", "tests.torchferry.contract.mutated_sounds", 0, 3000)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "callback" not in done.stderr
    decoded, refused = map(int, done.stdout.split())
    assert decoded + refused == 3000
    assert min(decoded, refused) > 500
