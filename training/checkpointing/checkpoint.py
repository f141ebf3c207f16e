"""Checkpoints on the disk: `checkpoints/step-<n>/`, with `latest` and `best` each naming one.

A folder holds what torch.distributed.checkpoint wrote, `state.json` (where the run stood), `fingerprint.json` (what it
depends on) and `checksums.json`. It appears under its name only when all of it is on the disk.
"""

import contextlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from torchferry.errors import UserError
from torchferry.files import flush, sha256, write_whole
from torchferry.training.checkpointing.checkpoint_reader import CheckpointReader, files_of
from torchferry.training.progress import Progress

NAME = re.compile(r"step-\d+")
STATE, FINGERPRINT = "state.json", "fingerprint.json"
NO_CHECKPOINT = "holds no checkpoint; give auto, none, or a run or checkpoint by its folder or URL"


def unfinished(folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` is written before it is whole."""
    return folder / f".{name_of(step)}.unfinished"


def name_of(step: int) -> str:
    return f"step-{step:08d}"


def complete(folder: Path, progress: Progress, fingerprint: str, *, keep: int) -> None:
    """Give what was written for `progress` its name, move `latest` and `best`, and drop old ones.

    All but the newest `keep` and the best go. Raises OSError.
    """
    written = unfinished(folder, progress.step)
    # .metadata lists the files of all ranks; those of a node with a folder of its own are not here.
    for part in files_of(written):
        if not (written / part).is_file():
            raise OSError(f"{written / part} is missing; runs_dir has to be one folder that all nodes share")
    write_state(written, progress, fingerprint)
    # After the others, which it covers.
    write_checksums(written, {file.name: sha256(file) for file in sorted(written.iterdir())})
    put(folder, progress, keep=keep)


def write_state(written: Path, progress: Progress, fingerprint: str) -> None:
    """Where the run stands, and what it depends on."""
    write_whole(written / STATE, json.dumps(asdict(progress), indent=2) + "\n")
    write_whole(written / FINGERPRINT, fingerprint)


def write_checksums(written: Path, checksums: Mapping[str, str]) -> str:
    """Returns what it wrote, into the last file of a checkpoint."""
    text = json.dumps(checksums, indent=2, sort_keys=True) + "\n"
    write_whole(written / "checksums.json", text)
    return text


def put(folder: Path, progress: Progress, *, keep: int) -> None:
    """As `complete`, of a checkpoint that has its checksums already."""
    name = name_of(progress.step)
    give_name(unfinished(folder, progress.step), folder / name)
    # The pointers move last, so that they never name what is not there.
    write_whole(folder / "latest", name + "\n")
    if (folder / name_of(progress.best_step)).is_dir():
        write_whole(folder / "best", name_of(progress.best_step) + "\n")
    prune(folder, keep, folder / name)


def give_name(written: Path, target: Path) -> None:
    replaced = target.with_name(f".{target.name}.replaced")
    # A folder cannot be renamed over one with files in it.
    if target.exists():  # the same step again, after the evaluation or after a restart from an older one
        target.rename(replaced)
    written.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)
    flush(target.parent)


def put_back(folder: Path) -> None:
    """Give a checkpoint its name again that a killed run was about to replace."""
    for left in folder.glob(".step-*.replaced"):
        name = left.name.removeprefix(".").removesuffix(".replaced")
        if not (folder / name).exists():
            with contextlib.suppress(FileNotFoundError):  # another node that shares the folder was quicker
                left.rename(folder / name)


def clear_unfinished(folder: Path) -> None:
    """Remove what a killed run was writing."""
    for left in folder.glob(".step-*"):  # takes *.replaced as well, so call put_back first
        shutil.rmtree(left, ignore_errors=True)


def newest_first(folder: Path) -> list[Path]:
    named = [path for path in folder.glob("step-*") if NAME.fullmatch(path.name) and path.is_dir()]
    # By number: as text, a step of nine digits could come before one of eight.
    return sorted(named, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)


def best(folder: Path) -> Path | None:
    pointer = folder / "best"
    name = pointer.read_text(errors="replace").strip() if pointer.is_file() else ""
    return folder / name if NAME.fullmatch(name) and (folder / name).is_dir() else None


def read_progress(checkpoint: Path) -> Progress:
    """Where the run stood, after every file was compared with its checksum.

    Raises UserError naming the first file that is damaged or missing.
    """
    try:
        checksums = json.loads((checkpoint / "checksums.json").read_text())
        for name, expected in checksums.items():
            if sha256(checkpoint / name) != expected:
                raise UserError(f"{checkpoint / name}: is damaged (its checksum differs)")
    except UserError:
        raise
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{checkpoint}: is not a complete checkpoint: {error}") from error
    return stated(checkpoint)


def stated(checkpoint: Path) -> Progress:
    """As `read_progress`, of files that were compared already."""
    try:
        return Progress(**json.loads((checkpoint / STATE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{checkpoint}: is not a complete checkpoint: {error}") from error


def shapes(checkpoint: Path) -> dict[str, tuple[int, ...] | None]:
    """Every entry's name with its tensor's shape, or None for what is no tensor. Raises UserError."""
    entries = CheckpointReader(checkpoint).read_metadata().state_dict_metadata
    return {name: tuple(entry.size) if hasattr(entry, "size") else None for name, entry in entries.items()}


def prune(folder: Path, keep: int, used: Path) -> None:
    """All but the newest `keep`, the best and the one in use go."""
    kept = [*newest_first(folder)[:keep], best(folder), used]
    for checkpoint in newest_first(folder):
        if checkpoint not in kept:
            shutil.rmtree(checkpoint)
