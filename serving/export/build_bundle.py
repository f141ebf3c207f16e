"""From a reference to a bundle: build each variant, measure it through the session that would serve it, judge it."""

import dataclasses
import platform
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import SigningKey
from torchferry.serving.bundle.variant import Variant
from torchferry.serving.cpu import cores, features
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.gate import Expected, Limits, limits_for, refusal
from torchferry.serving.export.graphs import Graphs
from torchferry.serving.export.independence import Independence
from torchferry.serving.export.label_shares import label_shares
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.speed import measure_speed
from torchferry.serving.export.torch_program import reason
from torchferry.serving.export.variants import BUILDERS
from torchferry.serving.session import Session, open_session
from torchferry.serving.session.capped_session import capped
from torchferry.whole_folder import FULL, whole_folder

GOLDEN = 4


def export(
    reference: Reference,
    output: Path,
    names: Sequence[str],
    limits: Mapping[str, float],
    model_version: str,
    key: SigningKey | None = None,
) -> Bundle:
    """Write the bundle with the named variants, refused ones among them, signed if there is a `key`. Raises UserError.

    `limits` that are given replace the recipe's, and those the variants' own.
    """
    with whole_folder(output) as folder, TemporaryDirectory() as scratch:
        graphs = Graphs(reference, Path(scratch))
        graphs.trace()
        independence = Independence(reference, GOLDEN)
        expected = Expected(reference)
        variants, skipped = {}, {}
        for name in names:
            own = limits_for(name, reference.task, reference.limits | dict(limits), expected.scale)
            try:
                variants[name] = _built(name, graphs, expected, independence, folder, own)
            except CannotBuild as error:
                skipped[name] = str(error)
                _remove_all_but(variants, folder)
        _, eager = measure_speed(lambda: reference, reference.test, cores())
        _write_golden(folder / "golden", reference)
        bundles.write(
            Bundle(
                root=folder,
                name=reference.name,
                version=model_version,
                task=reference.task,
                inputs=reference.inputs,
                outputs=reference.outputs,
                decode=reference.decode,
                labels=reference.labels,
                reference={
                    "samples": expected.samples,
                    "random": reference.test.random,
                    "accuracy": expected.accuracy,
                    "batch_1_ms": eager.batch_1_ms,
                    "batch_8_ms": eager.batch_8_ms,
                    "label_shares": label_shares(reference, expected.truth),
                },
                variants=variants,
                skipped=skipped,
                provenance=reference.provenance | _here(),
                files=bundles.checksums(folder),
                max_batch=reference.max_batch,
            ),
            key,
        )
    return bundles.load(output)


def _built(
    name: str, graphs: Graphs, expected: Expected, independence: Independence, folder: Path, limits: Limits
) -> Variant:
    """As `_variant`. Raises CannotBuild also for what an exporter, a compiler or a runtime cannot make of the network:
    the other variants may do without it."""
    try:
        return _variant(name, graphs, expected, independence, folder, limits)
    except (CannotBuild, UserError, OSError):
        raise
    except Exception as error:  # each library has many kinds of its own
        if shutil.disk_usage(folder).free < FULL:  # which ends the others as well
            raise
        raise CannotBuild(reason(_first_cause(error))) from error


def _first_cause(error: Exception) -> Exception:
    """torch.onnx's last exception gives advice; its first one names the operator that is to blame."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _remove_all_but(variants: Mapping[str, Variant], folder: Path) -> None:
    """What the others left half-made; two variants may share a folder."""
    kept = {folder / Path(variant.file).parent for variant in variants.values()}
    for made in (folder / "variants").glob("*"):
        if made not in kept:
            shutil.rmtree(made)


def _variant(
    name: str, graphs: Graphs, expected: Expected, independence: Independence, folder: Path, limits: Limits
) -> Variant:
    def load(file: Path) -> Session:
        return _open(name, file, graphs.reference)

    built = BUILDERS[name](graphs, folder / "variants", lambda file: refusal(expected.measure(load(file)), limits))
    session, speed = measure_speed(lambda: load(built.file), graphs.reference.test, cores())
    measured = expected.measure(session)
    dependence = independence.of(session, name)
    reason = refusal(measured, limits) or dependence.refusal
    return Variant(
        status="refused" if reason else "accepted",
        reason=reason,
        note=built.note,
        file=built.file.relative_to(folder).as_posix(),
        bytes=built.file.stat().st_size,
        measured=measured,
        speed=speed,
        limits=dataclasses.asdict(limits),
        golden_tolerance=max(1e-4, 2 * (measured.max_abs_diff or 0.0), 2 * dependence.largest),
    )


def _open(name: str, file: Path, reference: Reference) -> Session:
    inputs, outputs = ([spec.name for spec in specs] for specs in (reference.inputs, reference.outputs))
    return capped(open_session(name, file, inputs, outputs, cores()), reference.max_batch)


def _write_golden(folder: Path, reference: Reference) -> None:
    folder.mkdir()
    inputs = reference.test.first(GOLDEN)
    _save(folder / "inputs.npz", inputs)
    _save(folder / "outputs.npz", reference.run(inputs))


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As np.savez does it, which has no way to say an array called `file`."""
    with ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _here() -> dict[str, Any]:
    packages = ("torchferry", "torch", "onnx", "onnxscript", "onnxruntime")
    return {
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "cpu_features": features(),
        **{package: _version(package) for package in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
