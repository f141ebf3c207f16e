"""From a reference to a bundle: every variant and what was measured of it, golden samples, and which variant serves."""

import dataclasses
import json
import platform
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np

from torchferry.contract.axes import sizes_of
from torchferry.contract.tasks.own import FOLDER, file_of
from torchferry.files import write_whole
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.bundle.provenance import PROVENANCE
from torchferry.serving.bundle.signature import SigningKey
from torchferry.serving.bundle.state import START
from torchferry.serving.bundle.variant import Speed, Variant
from torchferry.serving.cpu import cores, features
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.batch_file import BatchFile
from torchferry.serving.export.build_variant import Judges, built_variant, open_file
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import limits_for
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.checks.other_sizes import OtherSizes
from torchferry.serving.export.checks.padding import Padding
from torchferry.serving.export.checks.scaled_jpeg import scaled_jpeg_effect
from torchferry.serving.export.checks.state_chain import StateChain
from torchferry.serving.export.checks.whole_way import WholeWay
from torchferry.serving.export.choice import chosen
from torchferry.serving.export.golden_tolerance import GoldenTolerance
from torchferry.serving.export.label_shares import label_shares
from torchferry.serving.export.memory import most_that_fit
from torchferry.serving.export.numbered_strings import as_served
from torchferry.serving.export.progress import SILENT, Progress, variant_line
from torchferry.serving.export.provider_gate import CPU_ALONE, Providers
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.sizes import words
from torchferry.serving.export.speed import measure_speed
from torchferry.serving.export.statement import statement
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.session import Session
from torchferry.serving.session.runtimes import RUNTIMES, rows_of
from torchferry.whole_folder import whole_folder

GOLDEN = 4
CHECKPOINT = "checkpoint"


def export(
    reference: Reference,
    output: Path,
    names: Sequence[str],
    limits: Mapping[str, float],
    model_version: str,
    key: SigningKey | None = None,
    serve: str | None = None,
    progress: Progress = SILENT,
    providers: Providers = CPU_ALONE,
) -> Bundle:
    """Write the bundle with the named variants, refused ones among them, signed if there is a `key`. Raises UserError.

    `limits` that are given replace the recipe's, and those the variants' own. `serve` is the variant that servers take
    where none is named; without it that is measured. ONNX graphs are measured on `providers` beside the CPU.
    """
    reference = _bounded(reference, progress)
    jpeg = scaled_jpeg_effect(reference, limits)
    with whole_folder(output) as folder, TemporaryDirectory() as scratch:
        reference = _read_once(reference, Path(scratch))
        described = _described(reference, folder, model_version)
        for name, content in reference.files.items():
            write_whole(folder / name, content)
        progress.begins(CHECKPOINT)
        graphs = Graphs(reference, Path(scratch))
        graphs.trace()
        judges = _judges(reference, described, Path(scratch), progress, providers)
        given = reference.limits | dict(limits)
        variants, skipped = _variants(names, graphs, judges, folder, given, progress)
        _, eager = measure_speed(lambda: reference, reference.test, cores())
        measured_at = sizes_of(reference.inputs, reference.test.first(1))
        of_size = f"  of {words(measured_at)}" if measured_at else ""
        progress.says(f"{CHECKPOINT:13}  in eager mode  {eager.batch_1_ms:20.3f} ms{of_size}")
        choice = _chosen(variants, serve, folder, reference)
        _write_golden(folder, reference)
        _write_start(folder, reference)
        made = dataclasses.replace(
            described,
            reference=_measured(reference, judges.expected, eager)
            | ({"jpeg": jpeg} if jpeg else {})
            | ({"speed_sizes": measured_at} if measured_at else {}),
            variants=variants,
            skipped=skipped,
            provenance=reference.provenance | _here(variants),
            files=bundles.checksums(folder),
            choice=choice,
        )
        write_whole(folder / PROVENANCE, json.dumps(statement(made, reference.origin), indent=2) + "\n")
        made = dataclasses.replace(made, files=bundles.checksums(folder))
        bundles.write(made)
        if key:
            bundles.sign(made, key)
    return bundles.load(output)


def _judges(reference: Reference, described: Bundle, scratch: Path, progress: Progress, providers: Providers) -> Judges:
    """The checkpoint's own part of every check. Raises UserError for a network that none of its variants could mend."""
    independence = Independence(reference, GOLDEN, progress)
    expected = Expected(reference, scratch, progress)
    return Judges(
        expected=expected,
        independence=independence,
        sizes=OtherSizes(reference),
        padding=Padding(reference, described.pads),
        tolerance=GoldenTolerance(expected, independence, GOLDEN),
        way=WholeWay(reference, described),
        chain=StateChain(reference),
        providers=providers,
    )


def _measured(reference: Reference, expected: Expected, eager: Speed) -> dict[str, Any]:
    """Of the checkpoint, as a bundle says it."""
    return {
        "samples": expected.samples,
        "random": reference.test.random,
        "metric": reference.task.headline if expected.metrics else None,
        "score": expected.score,
        "metrics": expected.metrics,
        "batch_1_ms": eager.batch_1_ms,
        "batch_8_ms": eager.batch_8_ms,
        "label_shares": label_shares(reference, expected.counts),
    }


def _variants(
    names: Sequence[str],
    graphs: Graphs,
    judges: Judges,
    folder: Path,
    given: Mapping[str, float],
    progress: Progress,
) -> tuple[dict[str, Variant], dict[str, str]]:
    """Those that could be built, and why the others could not."""
    variants: dict[str, Variant] = {}
    skipped: dict[str, str] = {}
    for name in names:
        progress.begins(name)
        began = time.monotonic()
        limits = limits_for(RUNTIMES[name].rounding, graphs.reference.task, given, judges.expected.scale)
        try:
            variants[name] = built_variant(name, graphs, judges, folder, limits)
            progress.says(variant_line(name, variants[name], time.monotonic() - began))
        except CannotBuild as error:
            skipped[name] = str(error)
            _remove_all_but(variants, folder)
            progress.says(f"{name:13}  skipped   ({error})")
    return variants, skipped


def _bounded(reference: Reference, progress: Progress) -> Reference:
    """The same, computing no more samples together than fit into memory."""
    if (most := most_that_fit(reference)) is None:
        return reference
    words = f"needs so much memory for a sample that at most {most} are computed together, by servers too"
    progress.says(f"{CHECKPOINT:13}  {words}; --max-batch says another number")
    return dataclasses.replace(reference, max_batch=most)


def _read_once(reference: Reference, scratch: Path) -> Reference:
    """The same, its evaluation set decoded by the first pass and read from `scratch` by all others."""
    test = dataclasses.replace(reference.test, kept=BatchFile(scratch / "samples"))
    return dataclasses.replace(reference, test=test)


def _described(reference: Reference, root: Path, model_version: str) -> Bundle:
    """What a bundle says of the reference itself."""
    return Bundle(
        root=root,
        name=reference.name,
        version=model_version,
        task=reference.task,
        inputs=reference.inputs,
        outputs=reference.outputs,
        reference={},
        variants={},
        skipped={},
        provenance={},
        files={},
        max_batch=reference.max_batch,
        state=dict(reference.state),
        code=_code(reference, root),
    )


def _code(reference: Reference, root: Path) -> str | None:
    """A copy of the file that a task of the user's is in; None for one of ours."""
    if (file := file_of(type(reference.task))) is None:
        return None
    (root / FOLDER).mkdir()
    shutil.copyfile(file, root / FOLDER / file.name)
    return f"{FOLDER}/{file.name}"


def _chosen(variants: Mapping[str, Variant], serve: str | None, folder: Path, reference: Reference) -> Choice | None:
    def opened(name: str) -> Session:
        # On several threads two sessions of one file measured up to 1.8 times as fast as each other: it depends on
        # which cores the threads of each happen to be on, for as long as the sessions live.
        return open_file(name, folder / variants[name].file, reference, threads=1)

    return chosen(variants, serve, opened, reference.test.repeated(1), reference.test.random)


def _remove_all_but(variants: Mapping[str, Variant], folder: Path) -> None:
    """What the others left half-made; two variants may share a folder."""
    kept = {folder / Path(variant.file).parent for variant in variants.values()}
    for made in (folder / "variants").glob("*"):
        if made not in kept:
            shutil.rmtree(made)


def _write_golden(root: Path, reference: Reference) -> None:
    (root / "golden").mkdir()
    for number, inputs in enumerate(reference.test.of_sizes(GOLDEN), start=1):
        outputs = as_served(reference.run(inputs), reference.outputs)
        _save(root / bundles.golden_file("inputs", number), as_served(inputs, reference.inputs))
        _save(root / bundles.golden_file("outputs", number), outputs)


def _write_start(root: Path, reference: Reference) -> None:
    """Of a model that carries state."""
    if reference.state:
        (root / START).parent.mkdir()
        _save(root / START, reference.start)


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As np.savez does it, which has no way to say an array called `file`. Strings are of fixed width."""
    with ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _plain(array), allow_pickle=False)


def _plain(array: np.ndarray) -> np.ndarray:
    return array.astype(bytes) if array.dtype == object else array


def _here(variants: Iterable[str]) -> dict[str, Any]:
    usual = ("torchferry", "torch", "onnx", "onnxscript", "onnxruntime")
    packages = dict.fromkeys((*usual, *(runtime.package for runtime in rows_of(variants))))
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
