"""Writes a checkpoint to the disk and to a store, in the protocol by which the ranks save together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.storage import WriteResult
from torch.futures import Future

from torchferry import run_folder
from torchferry.files import flush
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.remote_folder import RemoteFolder
from torchferry.training.progress import Progress

# What a run has beside its checkpoints, and would miss on a disk that is empty.
RUN_FILES = (run_folder.CONFIG, run_folder.ATTEMPTS, run_folder.METRICS)


@dataclass(frozen=True)
class Uploaded(WriteResult):
    sha256: str
    """Of the whole file that it lies in."""


class UploadWriter(dcp.FileSystemWriter):
    """Each rank says that it has written when its file is in the store; then the leading rank uploads the rest, and
    checksums.json last. An error on any rank becomes that of all."""

    def __init__(
        self, written: Path, stored: RemoteFolder, run_dir: Path, progress: Progress, fingerprint: str
    ) -> None:
        super().__init__(written, single_file_per_rank=True, thread_count=1)
        self.written, self.stored, self.run_dir = written, stored, run_dir
        self.progress, self.fingerprint = progress, fingerprint

    def write_data(self, plan: dcp.SavePlan, planner: dcp.SavePlanner) -> Future[list[WriteResult]]:
        results = super().write_data(plan, planner).wait()
        files = {result.storage_data.relative_path for result in results}
        checksums = {file: self.stored.put(self.written / file, file) for file in files}
        # The checksums travel in the results, or the leading rank would have to read every rank's file.
        uploaded: Future[list[WriteResult]] = Future()
        uploaded.set_result(
            [Uploaded(**vars(result), sha256=checksums[result.storage_data.relative_path]) for result in results]
        )
        return uploaded

    def finish(self, metadata: Any, results: list[list[Any]]) -> None:
        """On the leading rank, when all have written."""
        # Writes .metadata, which is uploaded below.
        super().finish(metadata, results)
        checkpoint.write_state(self.written, self.progress, self.fingerprint)
        checksums = {result.storage_data.relative_path: result.sha256 for rank in results for result in rank}
        for name in (".metadata", checkpoint.STATE, checkpoint.FINGERPRINT, *filter(self._take, RUN_FILES)):
            checksums[name] = self.stored.put(self.written / name, name)
        self.stored.complete(checkpoint.write_checksums(self.written, checksums))

    def _take(self, name: str) -> bool:
        """Copy a file of the run into the checkpoint, which goes on growing where it is."""
        if not (self.run_dir / name).is_file():
            return False
        (self.written / name).write_bytes((self.run_dir / name).read_bytes())
        flush(self.written / name)
        return True
