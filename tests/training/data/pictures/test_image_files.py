"""Image files are samples in the order of their names, read when asked for or all at once."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.data.sources import noise
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.pictures.image_files import CHUNK, ImageFiles
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample

IMAGE = ImageInput(mode="RGB", height=4, width=3, mean=(0.5,) * 3, std=(0.5,) * 3)


def files(folder: Path, *names: str) -> ImageFiles:
    """File i is noise(i), of class i + 1."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        noise(number, 4, 3).save(folder / name, "PNG")
    listed = FileList.of([os.fsencode(name) for name in names], [0] * len(names), range(1, len(names) + 1))
    return ImageFiles(folder, listed, IMAGE)


@pytest.mark.parametrize("name", ["b.png", "with space.png", "ünï.png", os.fsdecode(b"caf\xe9.png"), "deep/er.png"])
def test_a_sample_is_its_file_and_class(name: str, tmp_path: Path) -> None:
    samples = files(tmp_path, "z.png", name)
    image, target = samples[1]
    assert len(samples) == 2
    np.testing.assert_array_equal(image.numpy(), np.asarray(noise(1, 4, 3)).transpose(2, 0, 1))
    assert (target.dtype, target.shape, int(target)) == (torch.int64, (), 2)


def test_its_file_is_what_it_was_decoded_from(tmp_path: Path) -> None:
    samples = files(tmp_path, "a.png", "b.png")
    assert samples.file(1) == (str(tmp_path / "b.png"), (tmp_path / "b.png").read_bytes())
    (tmp_path / "a.png").unlink()
    with pytest.raises(CorruptSample, match=r"a\.png: cannot be read: No such file"):
        samples.file(0)


def test_memory_holds_every_file_in_its_place(tmp_path: Path) -> None:
    samples = files(tmp_path, *(f"{number}.png" for number in range(2 * CHUNK + 2)))
    images, targets = samples.decoded().tensors
    assert (images.dtype, images.shape) == (torch.uint8, (2 * CHUNK + 2, 3, 4, 3))
    assert targets.tolist() == list(range(1, 2 * CHUNK + 3))
    for number in (0, CHUNK - 1, CHUNK, 2 * CHUNK + 1):
        assert torch.equal(images[number], samples[number][0])


def test_names_lie_in_one_array_and_need_no_randomness(tmp_path: Path) -> None:
    samples = files(tmp_path, "a.png", "bb.png")
    assert samples.files.packed == b"a.pngbb.png"
    assert samples.deterministic


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    samples = files(tmp_path, "gone.png", "folder.png", "text.png", "good.png", "animated.gif")
    (tmp_path / "gone.png").unlink()
    (tmp_path / "folder.png").unlink()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "text.png").write_text("no image")
    reasons = ["gone.png: cannot be read: No such file", "folder.png: cannot be read: Is a dir", "text.png: cannot be"]
    for number, words in enumerate(reasons):
        with pytest.raises(CorruptSample, match=rf"^{tmp_path}/{words}"):
            samples[number]
    with pytest.raises(CorruptSample, match=r"gone\.png"):
        samples.decoded()
    assert int(samples[3][1]) == 4
    noise(4).save(tmp_path / "animated.gif", save_all=True, append_images=[noise(5)])
    with pytest.raises(CorruptSample, match=r"animated\.gif: cannot .*: the file has several pictures"):
        samples[4]
