"""Image files on disk as a map-style data set."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from torchferry.training.data.decode import decode_image
from torchferry.training.data.files.file_keys import file_keys
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.source import ImageInput

CHUNK = 64


class ImageFiles(Dataset):
    """uint8 [channels, height, width] and the class, int64 []. Raises CorruptSample, which names the file.

    The names in `files` are relative to `folder`.
    """

    deterministic = True

    def __init__(self, folder: Path, files: FileList, image: ImageInput) -> None:
        self.folder, self.files, self.image = folder, files, image
        self.targets = torch.tensor(files.classes)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        name, data = self.file(index)
        return decode_image(data, self.image, name), self.targets[index]

    def file(self, index: int) -> tuple[str, bytes]:
        """Its path, and what it holds."""
        return self.files.read(self.folder, index)

    def keys(self) -> np.ndarray:
        """uint64 [samples]: hashes of what the files hold."""
        return file_keys(self.folder, self.files)

    def decoded(self) -> TensorDataset:
        """All samples in memory."""
        images = torch.empty((len(self), *self.image.shape), dtype=torch.uint8)

        def fill(start: int) -> None:
            for index in range(start, min(start + CHUNK, len(self))):
                images[index] = self[index][0]

        with ThreadPoolExecutor() as pool:  # Pillow decodes without holding the interpreter
            for _ in pool.map(fill, range(0, len(self), CHUNK)):
                pass
        return TensorDataset(images, self.targets)
