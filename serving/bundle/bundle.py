"""The bundle: model.json and the files it names, the contract between export and every server.

model.json is written last and holds every other file's SHA-256, so a folder without it, or with a file
that differs, is not a bundle. It carries a digest of itself. If somebody vouches for all of them, the signature
is in model.sig. Nothing in it is a pickle.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.find import Said, made, said_of, task_of
from torchferry.contract.tasks.own import kind_of_file
from torchferry.contract.tasks.task import Task
from torchferry.contract.tasks.tensors import Tensors
from torchferry.errors import UserError
from torchferry.files import sha256, write_whole
from torchferry.serving.bundle.choice import Choice, parse_choice
from torchferry.serving.bundle.signed import Listing, Signed
from torchferry.serving.bundle.state import wrong_state
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.bundle.variant import Variant, parse_variant
from torchferry.serving.errors import BundleError

if TYPE_CHECKING:  # a bundle can be read where cryptography is not installed
    from torchferry.serving.bundle.signature import SigningKey, TrustedKeys

SCHEMA = "torchferry.bundle/2"
MANIFEST, SIGNATURE = "model.json", "model.sig"
"""What lists the other files, and the signature of all of them, which are themselves listed nowhere."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NAME_RULE = "up to 100 letters, digits, '.', '_' and '-' can, of which a letter or digit is the first"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The contents of model.json, and the folder it stands in."""

    root: Path
    name: str
    version: str
    task: Task
    """What the outputs mean. It has the labels, which model.json says apart from it."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    reference: dict[str, Any]
    """On how many samples the checkpoint was measured, whether they were random ones, its own score and all
    metrics, if there were targets, how long a call in eager mode takes, and each label's share of the training samples,
    where it is known. Of a model whose inputs vary, at which sizes speed was measured: `speed_sizes`, by axis."""
    variants: dict[str, Variant]
    skipped: dict[str, str]
    """Why a variant could not be built on the machine that exported, by its name."""
    provenance: dict[str, Any]
    """Versions, and the machine that the variants were built and measured on."""
    files: dict[str, str]
    """SHA-256 by path relative to the bundle."""
    code: str | None = None
    """Of a task of the user's, the bundle's file that it is in."""
    choice: Choice | None = None
    """None in a bundle of before this key, and where nothing was accepted."""
    max_batch: int | None = None
    """The most samples that a server may compute together; None, as in a bundle of before this key, is no limit. 1
    where a sample's answer depends on the samples beside it."""
    state: dict[str, str] = dataclasses.field(default_factory=dict)
    """By input, the output that is its value in the next request of a sequence."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes', or the values'; of several outputs each may have labels of its own."""
        return self.task.labels

    @property
    def accepted(self) -> list[str]:
        return [name for name, variant in self.variants.items() if variant.status == "accepted"]

    def labels_of(self, output: str) -> tuple[str, ...]:
        """What the classes of one output are called; empty where nobody has said."""
        of_all = self.labels if len(self.outputs) == 1 or self.task.scores_labels else ()
        return next((spec.labels for spec in self.outputs if spec.name == output and spec.labels), of_all)

    @property
    def table(self) -> TensorSpec | None:
        """The one input, if records and lines of text can be read for it by its columns' names."""
        return self.inputs[0] if len(self.inputs) == 1 and self.inputs[0].table else None

    @property
    def pictures(self) -> tuple[TensorSpec, ...]:
        """The inputs that a picture's file can be sent for."""
        return tuple(spec for spec in self.inputs if spec.image)

    @property
    def picture(self) -> TensorSpec | None:
        """The one input that a picture can be sent for; with several, nobody knows which of them an answer's places are
        in."""
        return self.pictures[0] if len(self.pictures) == 1 else None

    @property
    def has_batch_axis(self) -> bool:
        """Whether each tensor has the batch as its first axis, so that samples can be taken apart and together."""
        return all(spec.shape[:1] == (-1,) for spec in (*self.inputs, *self.outputs))

    @property
    def pads(self) -> bool:
        """Whether samples of unequal sizes are computed together: something stands behind the shorter ones, and each
        answer is cut to its own sample's size."""
        varying = [spec for spec in self.inputs if spec.axes]
        known = {axis.name for spec in varying for axis in spec.axes}
        cut = all(axis.name in known for spec in self.outputs for axis in spec.axes)
        return bool(varying) and cut and all(spec.pad is not None for spec in varying)

    @property
    def label_shares(self) -> dict[str, float]:
        """Of the training samples, 0..1, by label; empty where it is not known, as in a bundle made before it was."""
        return dict(zip(self.task.counted, self.reference.get("label_shares", ()), strict=False))

    def verified(self, relative: str) -> Path:
        """The path of one of the bundle's files, whose bytes are those that were exported."""
        path = self._listed(relative)
        if not path.is_file():
            raise BundleError(f"{path}: is missing; export the bundle again")
        if sha256(path) != self.files[relative]:
            raise BundleError(f"{path}: is damaged (its checksum differs); export the bundle again")
        return path

    def variant_files(self, variant: str) -> list[str]:
        """All that a variant is loaded from: its file and what lies beside it, such as weights that are not in the
        graph. Raises BundleError for a file there that was not exported."""
        folder = PurePosixPath(self.variants[variant].file).parent
        self._check_listed(folder)
        return [relative for relative in self.files if PurePosixPath(relative).is_relative_to(folder)]

    def variant_file(self, variant: str) -> Path:
        """The path of a variant's file; all that it is loaded from has the bytes that were exported."""
        for relative in self.variant_files(variant):
            self.verified(relative)
        return self._listed(self.variants[variant].file)

    def check_whole(self) -> None:
        """Raise BundleError unless the folder holds the files that were exported and no others."""
        self._check_listed(PurePosixPath())
        for relative in self.files:
            self.verified(relative)

    def golden(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """A few real inputs, of one size, and the checkpoint's outputs for them, both by tensor name."""
        return next(self.goldens())

    def goldens(self) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """As `golden`, then those of each other size."""
        for inputs, outputs in self._golden_files():
            yield _arrays(self.verified(inputs)), _arrays(self.verified(outputs))

    @property
    def golden_files(self) -> list[str]:
        return [file for pair in self._golden_files() for file in pair]

    def _golden_files(self) -> Iterator[tuple[str, str]]:
        number = 1
        while number == 1 or golden_file("inputs", number) in self.files:
            yield golden_file("inputs", number), golden_file("outputs", number)
            number += 1

    def _listed(self, relative: str) -> Path:
        path = self.root / relative
        if relative not in self.files:
            raise BundleError(f"{path}: is not listed in {self.root / 'model.json'}")
        return path

    def _check_listed(self, folder: PurePosixPath) -> None:
        for path in sorted((self.root / folder).rglob("*")):
            # A link to a folder could lead to files that are listed nowhere.
            if path.is_symlink() or not path.is_dir():
                relative = path.relative_to(self.root).as_posix()
                if relative not in (MANIFEST, SIGNATURE):
                    self._listed(relative)


def load(root: Path, trusted: "TrustedKeys | None" = None) -> Bundle:
    """Read model.json; its files are checked when they are asked for. Where keys are `trusted`, the bundle has to be
    signed by one of them, and all its files are checked at once. Raises BundleError."""
    bundle = read(root, trusted, is_whole=True)
    if trusted:
        bundle.check_whole()
    return bundle


def read(root: Path, trusted: "TrustedKeys | None" = None, *, is_whole: bool = False) -> Bundle:
    """As `load`, where the files need not be there yet; then the task of one with its own code is not known, and
    Tensors stands for it."""
    path = root / MANIFEST
    try:
        if not path.is_file():
            raise BundleError(f"{root}: is not a bundle (it has no model.json); make one with torchferry export")
        written = path.read_bytes()
        content = json.loads(written)
        schema, digest, former = content.pop("schema"), content.pop("digest", None), content.pop("signature", None)
        if schema != SCHEMA:
            raise BundleError(f"{path}: has schema {schema}; this version reads {SCHEMA}")
        if digest != _digest(content):
            raise BundleError(f"{path}: is damaged, or was edited (its digest differs); export the bundle again")
        if trusted:  # first: the bundle may name a task of the user's, whose module is imported
            signature = root / SIGNATURE
            held = signature.read_bytes() if signature.is_file() else None
            listing = _listing(content["name"], content["files"], written)
            trusted.check(Signed(str(root), listing, held, digest, former))
        bundle = _bundle(root, content, is_whole)
        _check_words(path, bundle)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); export the bundle again"
        ) from error
    return bundle


def said_name(root: Path) -> tuple[str, str] | None:
    """Name and version as model.json has them, whatever else is wrong with it; None if it says none."""
    try:
        content = json.loads((root / "model.json").read_text())
        name, version = content["name"], content["version"]
        return (name, version) if NAME.fullmatch(name) and NAME.fullmatch(version) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write(bundle: Bundle) -> None:
    """Write model.json. It completes the folder: everything else but a signature must be there already."""
    content = _json(dataclasses.asdict(bundle) | {"task": said_of(bundle.task), "labels": bundle.labels})
    del content["root"]
    for tensor in (*content["inputs"], *content["outputs"]):
        for unsaid in [name for name, value in tensor.items() if value is None or value == []]:
            del tensor[unsaid]
    head = {"schema": SCHEMA, "digest": _digest(content)}
    write_whole(bundle.root / MANIFEST, json.dumps(head | content, indent=2) + "\n")


def sign(bundle: Bundle, key: "SigningKey") -> None:
    """Vouch for all files of the folder. Raises BundleError where they are not what was exported."""
    bundle.check_whole()
    written = (bundle.root / MANIFEST).read_bytes()
    write_whole(bundle.root / SIGNATURE, key.sign(_listing(bundle.name, bundle.files, written)))


def checksums(root: Path) -> dict[str, str]:
    """SHA-256 of every file below `root`, by relative path."""
    return {path.relative_to(root).as_posix(): sha256(path) for path in sorted(root.rglob("*")) if path.is_file()}


def _listing(name: str, files: dict[str, str], written: bytes) -> Listing:
    return Listing(name, {MANIFEST: hashlib.sha256(written).hexdigest(), **files})


def _json(value: Any) -> Any:
    """As JSON knows it, which has neither NaN nor Path."""
    if isinstance(value, dict):
        return {key: _json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of what model.json says, however it is laid out."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _bundle(root: Path, content: dict[str, Any], is_whole: bool) -> Bundle:
    inputs = content["inputs"]
    if former := content.pop("decode", None):  # of before it was the input's own
        inputs = [spec | {"decode": former} for spec in inputs[:1]] + inputs[1:]
    outputs = tuple(map(TensorSpec.of_json, content["outputs"]))
    task = _task(root, content, is_whole)
    reference = content["reference"]
    if "accuracy" in reference:  # of before scores had names
        score = reference.pop("accuracy")
        content["reference"] = {"metric": None if score is None else "accuracy", "score": score, **reference}
    task = task.of_outputs({spec.name: spec.labels for spec in outputs})
    _check_task(root, task, outputs)
    parsed = {
        "task": task,
        "inputs": tuple(map(TensorSpec.of_json, inputs)),
        "outputs": outputs,
        "variants": {name: parse_variant(variant) for name, variant in content["variants"].items()},
        "choice": parse_choice(content["choice"]) if content.get("choice") else None,
    }
    return Bundle(root=root, **content | parsed)


def _task(root: Path, content: dict[str, Any], is_whole: bool) -> Task:
    """One of ours, or a user's, whose file is in the bundle and is what was exported. Raises BundleError."""
    said, labels, code = content["task"], content.pop("labels"), content.get("code")
    name = said if isinstance(said, str) else said["name"]
    if not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
        raise BundleError(f"{root / MANIFEST}: its labels are {labels!r}; a list of names is expected")
    if code is None and name not in TASKS:  # what a bundle names is imported from nowhere else than from the bundle
        raise BundleError(f"{root / MANIFEST}: is of a task '{name}' that this version does not know")
    if code is not None and not is_whole:
        return Tensors(labels=tuple(labels))
    try:
        return (
            task_of(said, tuple(labels))
            if code is None
            else _users_task(said, tuple(labels), root / code, content["files"][code])
        )
    except BundleError:
        raise
    except UserError as error:
        raise BundleError(f"{root / MANIFEST}: {error}") from error


def _check_task(root: Path, task: Task, outputs: tuple[TensorSpec, ...]) -> None:
    """Raises BundleError for one whose answers could not be told."""
    if task.unsettled:
        raise BundleError(f"{root / MANIFEST}: its task's {task.unsettled} are not decided; export the run again")
    if len(task.outputs) > len(outputs):
        given = ", ".join(spec.name for spec in outputs)
        raise BundleError(f"{root / MANIFEST}: its task has {', '.join(task.outputs)}, and its graph gives {given}")


def _users_task(said: Said, labels: tuple[str, ...], file: Path, digest: str) -> Task:
    if sha256(file) != digest:
        raise BundleError(f"{file}: is damaged (its checksum differs); export the bundle again")
    settings = {"name": said} if isinstance(said, str) else dict(said)
    return made(kind_of_file(settings.pop("name"), file, digest), settings, labels)


def _check_words(path: Path, bundle: Bundle) -> None:
    """What becomes part of a path or of an address, and what limits a batch."""
    for name in (bundle.name, bundle.version, *bundle.variants):
        if not NAME.fullmatch(name):
            raise BundleError(f"{path}: '{name}' cannot be a name; {NAME_RULE}")
    if bundle.max_batch is not None and not (type(bundle.max_batch) is int and bundle.max_batch >= 1):
        raise BundleError(f"{path}: its max_batch is {bundle.max_batch!r}; it is a whole number above 0, or null")
    if words := wrong_state(bundle.state, bundle.inputs, bundle.outputs):
        raise BundleError(f"{path}: its state: {words}")
    for relative in bundle.files:
        if PurePosixPath(relative).is_absolute() or ".." in PurePosixPath(relative).parts:
            raise BundleError(f"{path}: names the file '{relative}', which is outside the bundle")


def golden_file(what: str, number: int) -> str:
    """Of `inputs` or `outputs`; where golden samples have several sizes, those of each are in a file of their own."""
    return f"golden/{what}.npz" if number == 1 else f"golden/{what}-{number}.npz"


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Strings are of fixed width in the file, and bytes objects in memory, as servers have them."""
    with np.load(path, allow_pickle=False) as file:
        return {name: values.astype(object) if values.dtype.kind == "S" else values for name, values in file.items()}
