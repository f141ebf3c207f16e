"""The bundle: model.json and the files it names, the contract between export and every server.

model.json is written last and holds every other file's SHA-256, so a folder without it, or with a file
that differs, is not a bundle. Nothing in it is a pickle.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from serving.errors import BundleError

SCHEMA = "torchferry.bundle/1"


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """A tensor in the words of the Open Inference Protocol."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """-1 stands for the batch."""


@dataclass(frozen=True, kw_only=True)
class ImageDecode:
    """How the bytes of an image file become the input tensor, uint8 [channels, height, width]."""

    kind: Literal["image"] = "image"
    mode: str
    """Pillow's name for the colours: L or RGB."""
    height: int
    width: int
    interpolation: str


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A variant against the checkpoint in eager float32, on the whole evaluation set."""

    samples: int
    max_abs_diff: float
    """Largest difference of any output."""
    mean_abs_diff: float
    top1_agreement: float
    """Share of samples whose most probable class is the checkpoint's, 0..1."""
    accuracy: float
    accuracy_drop: float
    """The checkpoint's accuracy minus this one's."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One form of the model, and whether it may be served."""

    status: Literal["accepted", "refused"]
    reason: str | None
    """Why it was refused."""
    file: str
    bytes: int
    measured: Measured
    limits: dict[str, float]
    golden_tolerance: float
    """How far a server's answer to the golden inputs may be from the golden outputs."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The contents of model.json, and the folder it stands in."""

    root: Path
    name: str
    version: str
    task: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    decode: ImageDecode
    labels: tuple[str, ...]
    reference: dict[str, Any]
    """The checkpoint's own accuracy and how many samples it was measured on."""
    variants: dict[str, Variant]
    provenance: dict[str, str]
    files: dict[str, str]
    """SHA-256 by path relative to the bundle."""

    @property
    def accepted(self) -> list[str]:
        return [name for name, variant in self.variants.items() if variant.status == "accepted"]

    def verified(self, relative: str) -> Path:
        """The path of one of the bundle's files, whose bytes are those that were exported."""
        path = self.root / relative
        if relative not in self.files:
            raise BundleError(f"{path}: is not listed in {self.root / 'model.json'}")
        if not path.is_file():
            raise BundleError(f"{path}: is missing; export the bundle again")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.files[relative]:
                raise BundleError(f"{path}: is damaged (its checksum differs); export the bundle again")
        return path

    def golden(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """A few real inputs and the checkpoint's outputs for them, both by tensor name."""
        return _arrays(self.verified("golden/inputs.npz")), _arrays(self.verified("golden/outputs.npz"))


def load(root: Path) -> Bundle:
    """Read model.json; its files are checked when they are asked for. Raises BundleError."""
    path = root / "model.json"
    if not path.is_file():
        raise BundleError(f"{root}: is not a bundle (it has no model.json); make one with python -m serving export")
    try:
        content = json.loads(path.read_text())
        schema = content.pop("schema")
        if schema != SCHEMA:
            raise BundleError(f"{path}: has schema {schema}; this version reads {SCHEMA}")
        bundle = _bundle(root, content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); export the bundle again"
        ) from error
    for relative in bundle.files:
        if PurePosixPath(relative).is_absolute() or ".." in PurePosixPath(relative).parts:
            raise BundleError(f"{path}: names the file '{relative}', which is outside the bundle")
    return bundle


def write(bundle: Bundle) -> None:
    """Write model.json, which completes the folder: everything else must be there already."""
    content = {"schema": SCHEMA, **dataclasses.asdict(bundle)}
    del content["root"]
    (bundle.root / "model.json").write_text(json.dumps(content, indent=2) + "\n")


def checksums(root: Path) -> dict[str, str]:
    """SHA-256 of every file below `root`, by relative path."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _bundle(root: Path, content: dict[str, Any]) -> Bundle:
    def tensors(key: str) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(**tensor | {"shape": tuple(tensor["shape"])}) for tensor in content[key])

    variants = {
        name: Variant(**variant | {"measured": Measured(**variant["measured"])})
        for name, variant in content["variants"].items()
    }
    parsed = {
        "inputs": tensors("inputs"),
        "outputs": tensors("outputs"),
        "decode": ImageDecode(**content["decode"]),
        "labels": tuple(content["labels"]),
        "variants": variants,
    }
    return Bundle(root=root, **content | parsed)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
