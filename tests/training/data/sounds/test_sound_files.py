"""Sound files as samples: each as long as it is, by the contract's decoder, on a disk or in memory."""

from pathlib import Path

import numpy as np
import pytest

from tests.torchferry.contract.sounds import RATE, saved, tone
from torchferry.contract.audio import decode_sound
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.sounds.sound_files import SoundFiles
from torchferry.training.data.varying_inputs import AudioInput
from torchferry.training.errors import CorruptSample

AUDIO = AudioInput(rate=8_000, least=100, most=4_000, truncate=False)
CONTENT = {
    b"a.wav": saved(tone(0.2)),
    b"b.ogg": saved(tone(0.5), format="OGG"),
    b"c.mp3": saved(tone(0.3), format="MP3"),
}


def files(folder: Path, content: dict[bytes, bytes]) -> SoundFiles:
    for name, data in content.items():
        (folder / name.decode()).write_bytes(data)
    return SoundFiles(
        folder, FileList.of(list(content), list(map(len, content.values())), [0, 1, 0][: len(content)]), AUDIO
    )


def test_a_sample_is_what_the_contract_makes_of_the_file(tmp_path: Path) -> None:
    found = files(tmp_path, CONTENT)
    kept = found.decoded()
    for index, data in enumerate(CONTENT.values()):
        expected = decode_sound(data, 8_000)
        np.testing.assert_array_equal(found[index][0], expected)
        np.testing.assert_array_equal(kept[index][0], expected)
        assert int(found.target(index)) == int(kept[index][1]) == [0, 1, 0][index]
    assert kept.lengths.tolist() == [1600, 4000, 2400]
    assert found.lengths.tolist() == [len(data) for data in CONTENT.values()]
    assert len(set(found.keys().tolist())) == len(found) == 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no sound", "the 8 bytes are not a sound in WAV, FLAC, OGG, MP3"),
        (saved(tone(0.6)), r"the sound has 0.6 s; 0.5 s \(4,000 samples at 8,000 Hz\) are allowed"),
        (saved(tone(0.01)), r"the sound has 0.01 s \(80 samples at 8,000 Hz\); 0.0125 s"),
    ],
)
def test_a_file_that_cannot_be_taken_is_named(data: bytes, words: str, tmp_path: Path) -> None:
    found = files(tmp_path, {b"a.wav": data})
    with pytest.raises(CorruptSample, match=f"{tmp_path}/a.wav: {words}"):
        found[0]
    with pytest.raises(CorruptSample, match=words):
        found.decoded()
    (tmp_path / "a.wav").unlink()
    with pytest.raises(CorruptSample, match=r"a\.wav: cannot be read: No such file"):
        found.file(0)
    assert 2 * AUDIO.rate == RATE
