"""A run in a store, and which of its checkpoints count.

<name>/checkpoints/step-<n>.<attempt>.<save>/   a checkpoint, with config.yaml, attempts.jsonl and metrics.jsonl as they
                                                were by then; no two saves share a folder, so no one harms another's
<name>/results/<attempt>/                       the run folder of a finished run, without checkpoints and traces

Each is there when its checksums.json is (remote_folder.py).
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from torchferry import run_folder
from torchferry.errors import Missing, StoreRefused, UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.checkpoint import name_of
from torchferry.training.checkpointing.remote_folder import LIST, RemoteFolder

SAVED = re.compile(r"step-(\d+)\.(\d+)\.(\d+)")
CARD = f"{run_folder.MODEL}/{run_folder.CARD}"
NO_RESULTS = (run_folder.CHECKPOINTS, run_folder.TRACE.format(rank="*"), ".*")


@dataclass
class RemoteRun:
    """Raises StoreError for whatever the store does."""

    store: ObjectStore
    name: str
    attempt: int = 0
    """When this one began; later ones are greater."""
    saves: int = 0
    """In this attempt, counted by all ranks alike."""
    passed: set[str] = field(default_factory=set)
    """Checkpoints and results that this attempt found to be of no use."""
    only: str | None = None
    """The one checkpoint that counts; None where all do."""

    @classmethod
    def at(cls, url: str) -> "RemoteRun":
        """What the URL names: a run, its folder of checkpoints, or one of these."""
        head, _, last = url.rstrip("/").rpartition("/")
        only = last if SAVED.fullmatch(last) and head.endswith("/checkpoints") else None
        run = (head if only else url.rstrip("/")).removesuffix("/checkpoints")
        store, _, name = run.rpartition("/")
        return cls(ObjectStore(store), name, only=only)

    @property
    def url(self) -> str:
        return f"{self.store.url}/{self.name}"

    def checkpoint(self, name: str) -> RemoteFolder:
        return RemoteFolder(self.store, f"{self.name}/checkpoints/{name}")

    def next_checkpoint(self, step: int) -> RemoteFolder:
        """A folder that was never used; every rank gets the same."""
        self.saves += 1
        return self.checkpoint(f"{name_of(step)}.{self.attempt}.{self.saves}")

    def check(self) -> None:
        """Raise UserError for a store that refuses to be written, StoreError where another try may help."""
        try:
            self.store.write(f"{self.name}/.writable", b"")
            self.store.remove(f"{self.name}/.writable")
        except (Missing, StoreRefused) as error:
            raise UserError(f"checkpoint.store: cannot write {error}") from error

    def checkpoints(self) -> dict[str, bool]:
        """Their names, the newest first, and whether they are complete."""
        files = [name.partition("/") for name in self.store.paths(f"{self.name}/checkpoints")]
        complete = {folder for folder, _, name in files if name == LIST}
        names = {folder for folder, _, _ in files if SAVED.fullmatch(folder) and self.only in (None, folder)}
        return {name: name in complete for name in sorted(names, key=order, reverse=True)}

    def prune(self, saved: str, keep: int, best_step: int) -> None:
        """Remove all but `saved`, the newest complete ones of `keep` steps and of the best.

        What is newer and not complete may be another attempt's that still runs. All attempts agree on which is newer,
        so two that prune at a time do not remove each other's.
        """
        found = self.checkpoints()
        # From the oldest on, so that the newest save of a step is the one that stays in the dict.
        newest = {step_of(name): name for name in reversed(found) if found[name] and name not in self.passed}
        kept = {saved, *(newest[step] for step in sorted(newest, reverse=True)[:keep]), newest.get(best_step, saved)}
        for name in found:
            if name not in kept and (name in self.passed or order(name) < max(map(order, kept))):
                self.checkpoint(name).remove()

    def results(self) -> RemoteFolder | None:
        """The newest that are complete."""
        whole = [folder for folder, complete in self._results() if complete and folder.name not in self.passed]
        # As text: attempts are nanoseconds since 1970, of 19 digits until the year 2286.
        return max(whole, key=lambda each: each.name, default=None)

    def finished_at(self) -> int | None:
        """The step of the model among the newest results whose files are all as they were written.

        Reads each file once, keeping none. Damaged results are said, and passed over from then on.
        """
        while (results := self.results()) is not None:
            try:
                results.check()
                card = yaml.safe_load(results.read(CARD) or b"")
                return int(card["step"])
            except (UserError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
                what = str(error) if isinstance(error, UserError) else f"{results.url}/{CARD}: cannot be read"
                print(f"torchferry: {what}; these results do not count", file=sys.stderr, flush=True)
                self.passed.add(results.name)
        return None

    def put_results(self, run_dir: Path) -> None:
        """Upload what a finished run has left in its folder, then remove what an earlier attempt had uploaded."""
        results = RemoteFolder(self.store, f"{self.name}/results/{self.attempt}")
        tops = [top for top in sorted(run_dir.iterdir()) if not any(top.match(pattern) for pattern in NO_RESULTS)]
        paths = [path for top in tops for path in ([top] if top.is_file() else sorted(top.rglob("*")))]
        names = {path.relative_to(run_dir).as_posix(): path for path in paths if path.is_file()}
        checksums = {name: results.put(path, name) for name, path in names.items()}
        results.complete(json.dumps(checksums, indent=2) + "\n")
        for older, _ in self._results():
            if older.name < results.name:
                older.remove()

    def _results(self) -> list[tuple[RemoteFolder, bool]]:
        files = [name.partition("/") for name in self.store.paths(f"{self.name}/results")]
        complete = {folder for folder, _, name in files if name == LIST}
        folders = {folder for folder, _, _ in files if folder.isdecimal()}
        return [(RemoteFolder(self.store, f"{self.name}/results/{folder}"), folder in complete) for folder in folders]


def order(name: str) -> tuple[int, ...]:
    """Of a checkpoint: by step, then by attempt, then by save."""
    found = SAVED.fullmatch(name)
    return tuple(map(int, found.groups())) if found else ()


def step_of(name: str) -> int:
    return order(name)[0]
