"""What packages' examples are of: a picture with a face, and a song with what basic-pitch's authors found in it.

From the packages that hold them: fetched into the cache, never part of the checkout.
"""

import sys
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.training.real_data import CACHE, fetched

DOWNLOAD = (sys.executable, "-m", "pip", "download", "--no-deps", "--quiet")
RATE = 44_100


def portrait() -> Path:
    """An astronaut of 512 x 512 pixels; from scikit-image."""
    path = CACHE / "astronaut.png"
    if not path.is_file():
        with fetched(*DOWNLOAD, "scikit-image==0.26.0") as package, zipfile.ZipFile(package) as wheel:
            path.write_bytes(wheel.read("skimage/data/astronaut.png"))
    return path


def song() -> Path:
    """A wave file of a voice that sings, 9 seconds; from basic-pitch's own tests. Beside it the folder vocadito_10."""
    return _resources() / "vocadito_10.wav"


def notes() -> dict[str, np.ndarray]:
    """What basic-pitch's own tests expect of the song."""
    found = np.load(_resources() / "vocadito_10" / "model_output.npz", allow_pickle=True)
    return dict(found["arr_0"].item())


def voice(rate: int) -> np.ndarray:
    """The song at so many samples a second, -1 to 1."""
    with wave.open(str(song())) as file:
        assert file.getframerate() == RATE
        shape = (-1, file.getnchannels())
        values = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(shape).mean(axis=1) / 2**15
    times = np.arange(int(len(values) / RATE * rate)) / rate
    return np.interp(times, np.arange(len(values)) / RATE, values).astype(np.float32)


def page(text: str, size: tuple[int, int], height: int) -> np.ndarray:
    """Black letters on white, [height, width, 3]."""
    picture = Image.new("RGB", size, "white")
    font = ImageFont.load_default(height)
    ImageDraw.Draw(picture).text((height // 2, (size[1] - height) // 2), text, "black", font)
    return np.asarray(picture)


def _resources() -> Path:
    folder = CACHE / "basic-pitch"
    if not folder.is_dir():
        sources = ("--no-binary", "basic-pitch", "--no-build-isolation")
        with fetched(*DOWNLOAD, *sources, "basic-pitch==0.4.0") as package, tarfile.open(package) as archive:
            archive.extractall(package.parent / "all", filter="data")
            (package.parent / "all/basic_pitch-0.4.0/tests/resources").replace(folder)
    return folder
