"""The size on disk of what serves: a folder, or installed packages with all that they need."""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def folder_bytes(folder: Path) -> int:
    return _bytes(folder.rglob("*"))


def packages_bytes(*requirements: str) -> int:
    """Of the installed packages that these need, such as 'torchferry[onnx-server]', and of themselves."""
    found: dict[str, Distribution] = {}
    for text in requirements:
        _collect(Requirement(text), found, set())
    return sum(_bytes(Path(str(file.locate())) for file in of.files or []) for of in found.values())


def _collect(wanted: Requirement, found: dict[str, Distribution], seen: set[tuple[str, str]]) -> None:
    try:
        of = distribution(wanted.name)
    except PackageNotFoundError:
        return  # it serves without
    found[of.name] = of
    # A package is entered again for an extra of it that nobody has asked for before.
    for extra in {(of.name, extra) for extra in ("", *wanted.extras)} - seen:
        seen.add(extra)
        for needed in map(Requirement, of.requires or []):
            if needed.marker is None or needed.marker.evaluate({"extra": extra[1]}):
                _collect(needed, found, seen)


def _bytes(files: Iterator[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())
