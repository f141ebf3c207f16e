"""A folder of answers as files, such as masks: one for each sample, and a record in predictions.csv that says which.

The records are the state, as of any other output: a command that was killed goes on after the last whole one, and makes
a file again whose record is not there yet.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchferry.errors import UserError
from torchferry.files import write_whole
from torchferry.serving.predict.file_names import FileNames
from torchferry.serving.predict.output_file import OutputFile
from torchferry.serving.predict.sample import Sample

INDEX = "predictions.csv"


class OutputFolder(OutputFile):
    def __init__(self, folder: Path, form: str, asked: Sequence[str], about: Mapping[str, Any]) -> None:
        """`asked`: the files and folders that are asked about. Raises UserError for a folder that is among them, or has
        other files in it, and as OutputFile does."""
        _check_apart(folder, asked)
        self.folder, self.existed = folder, folder.exists()
        self.names = FileNames(filter(os.path.isdir, asked), form)
        try:
            if self.existed and not (folder / INDEX).exists() and any(folder.iterdir()):
                raise UserError(f"--output: {folder} has other files in it; give a folder that is new or empty")
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--output: {folder} cannot be a folder of files ({error.strerror})") from error
        super().__init__(folder / INDEX, "csv", {"form": form, **about})

    def close(self) -> None:
        super().close()
        if not self.existed and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def checked(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """As of a file; the names of those that have a record are taken."""
        for number, sample in enumerate(super().checked(samples), 1):
            if number <= self.done:
                self.names.of(sample)
            yield sample

    def write(self, sample: Sample, content: bytes | None) -> str:
        """The name of the sample's file in the folder; one without content has none, and keeps its name free of others.

        Raises UserError where it cannot be written.
        """
        name = self.names.of(sample)
        if content is None:
            return ""
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from error
        return str(name)


def _check_apart(folder: Path, asked: Sequence[str]) -> None:
    """Or what is written would be asked about, now or by the next command."""
    own = os.path.realpath(folder)
    for path in asked:
        other = os.path.realpath(path)
        if os.path.isdir(path) and os.path.commonpath((own, other)) == other:
            raise UserError(f"--output: {folder} lies in {path}, which is asked about; give a folder elsewhere")
        if os.path.commonpath((own, other)) == own:
            raise UserError(f"--output: {path} lies in {folder}, and is asked about; give another folder")
