"""Sound files on disk as a map-style data set."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.contract.audio import NotASound, decode_sound
from torchferry.training.data.files.file_keys import file_keys
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.ragged import Ragged
from torchferry.training.data.varying_inputs import AudioInput
from torchferry.training.errors import CorruptSample


class SoundFiles(Dataset):
    """float32 [samples] and the class, int64 []. Raises CorruptSample, which names the file.

    The names in `files` are relative to `folder`.
    """

    deterministic = True

    def __init__(self, folder: Path, files: FileList, audio: AudioInput) -> None:
        self.folder, self.files, self.audio = folder, files, audio
        self.targets = torch.tensor(files.classes)
        self.lengths = files.sizes
        """In bytes of the files, which are known without reading them, and as good for batches of like length."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self._samples(index)), self.targets[index]

    def target(self, index: int) -> torch.Tensor:
        return self.targets[index]

    def file(self, index: int) -> tuple[str, bytes]:
        """Its path, and what it holds."""
        return self.files.read(self.folder, index)

    def keys(self) -> np.ndarray:
        """uint64 [samples]: hashes of what the files hold, or of their groups."""
        return file_keys(self.folder, self.files)

    def decoded(self) -> Ragged:
        """All samples in memory."""
        with ThreadPoolExecutor() as pool:  # libsndfile decodes without holding the interpreter
            return Ragged(list(pool.map(self._samples, range(len(self)))), self.targets)

    def _samples(self, index: int) -> np.ndarray:
        name, data = self.file(index)
        audio = self.audio
        try:
            return decode_sound(data, audio.rate, audio.least, audio.most, audio.truncate)
        except NotASound as error:
            raise CorruptSample(f"{name}: {error}") from error
