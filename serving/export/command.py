"""`python -m serving export RUN`: the checkpoint's variants, each measured, in a bundle."""

import dataclasses
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from serving import bundle as bundles
from serving.arguments import Parser, finite
from serving.bundle import Bundle, ImageDecode, TensorSpec, Variant
from serving.cpu import cores
from serving.errors import GateError, UserError
from serving.export.gate import Limits, measure, refusal
from serving.export.onnx_export import write_onnx
from serving.export.reference import load_reference, probabilities
from serving.export.torch_export import exported_program, write_torch
from serving.session import open_session
from serving.whole_folder import whole_folder
from training.data.source import ImageInput
from training.models.saved import ModelCard

INPUT, OUTPUT = "image", "probabilities"
GOLDEN = 4
VARIANTS: dict[str, Callable[[torch.export.ExportedProgram, Path], Path]] = {
    "torch": write_torch,
    "onnx-fp32": lambda program, folder: write_onnx(program, folder, INPUT, OUTPUT),
}


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="python -m serving export", description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run folder")
    parser.add_argument("--output", "-o", type=Path, help="the bundle to write (default RUN/bundle)")
    parser.add_argument("--variants", default="all", help=f"all, or some of {','.join(VARIANTS)} (default all)")
    parser.add_argument("--model-version", default="1.0", help="the version servers show (default 1.0)")
    for field in dataclasses.fields(Limits):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=finite, default=field.default)
    options = parser.parse_args(arguments)
    limits = Limits(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Limits)})
    output = options.output or options.run / "bundle"
    names = _names(options.variants)
    bundle = export(options.run, output, names, limits, options.model_version)
    for name, variant in bundle.variants.items():
        print(_line(name, variant))
    print(f"{bundle.name} {bundle.version}: {len(bundle.accepted)} of {len(names)} variants accepted; in {output}")
    refused = [name for name in names if name not in bundle.accepted]
    if refused and (options.variants != "all" or not bundle.accepted):
        raise GateError(f"refused: {', '.join(refused)}; {output / 'model.json'} says why")


def export(run: Path, output: Path, names: Sequence[str], limits: Limits, model_version: str) -> Bundle:
    """Write the bundle with the named variants, refused ones among them. Raises UserError."""
    reference, card, images, classes = load_reference(run)
    expected = probabilities(reference, images)
    program = exported_program(reference, torch.from_numpy(images[:2]))
    with whole_folder(output) as folder:
        _write_golden(folder / "golden", images, expected)
        variants = {}
        for name in names:
            home = folder / "variants" / name
            home.mkdir(parents=True)
            file = VARIANTS[name](program, home)
            session = open_session(name, file, [INPUT], [OUTPUT], cores())
            measured = measure(session, images, classes, expected, (INPUT, OUTPUT))
            reason = refusal(measured, limits)
            variants[name] = Variant(
                status="refused" if reason else "accepted",
                reason=reason,
                file=file.relative_to(folder).as_posix(),
                bytes=file.stat().st_size,
                measured=measured,
                limits=dataclasses.asdict(limits),
                golden_tolerance=max(1e-4, 2 * measured.max_abs_diff),
            )
        accuracy = float((expected.argmax(axis=1) == classes).mean())
        bundles.write(_bundle(folder, card, variants, model_version, accuracy, len(images)))
    return bundles.load(output)


def _bundle(
    folder: Path, card: ModelCard, variants: dict[str, Variant], model_version: str, accuracy: float, samples: int
) -> Bundle:
    image = card.input
    assert isinstance(image, ImageInput)  # load_reference has made sure
    return Bundle(
        root=folder,
        name=card.name,
        version=model_version,
        task=card.task,
        inputs=(TensorSpec(name=INPUT, datatype="UINT8", shape=(-1, *image.shape)),),
        outputs=(TensorSpec(name=OUTPUT, datatype="FP32", shape=(-1, len(card.labels))),),
        decode=ImageDecode(mode=image.mode, height=image.height, width=image.width, interpolation=image.interpolation),
        labels=card.labels,
        reference={"accuracy": accuracy, "samples": samples},
        variants=variants,
        provenance={
            "exported": datetime.now(UTC).isoformat(timespec="seconds"),
            "trained_with_torch": card.torch,
            "machine": platform.machine(),
            **{package: _version(package) for package in ("torchferry", "torch", "onnx", "onnxscript", "onnxruntime")},
        },
        files=bundles.checksums(folder),
    )


def _write_golden(folder: Path, images: np.ndarray, expected: np.ndarray) -> None:
    folder.mkdir()
    np.savez(folder / "inputs.npz", **{INPUT: images[:GOLDEN]})  # type: ignore[arg-type]
    np.savez(folder / "outputs.npz", **{OUTPUT: expected[:GOLDEN]})  # type: ignore[arg-type]


def _names(variants: str) -> list[str]:
    names = list(VARIANTS) if variants == "all" else list(dict.fromkeys(variants.split(",")))
    for name in names:
        if name not in VARIANTS:
            raise UserError(f"--variants: there is no variant '{name}'; choose all or some of {','.join(VARIANTS)}")
    return names


def _line(name: str, variant: Variant) -> str:
    measured = variant.measured
    return (
        f"{name:10} {variant.status}  {variant.bytes / 1000:,.0f} kB  accuracy {measured.accuracy:.2%}  "
        f"largest difference {measured.max_abs_diff:.1e}" + (f"  ({variant.reason})" if variant.reason else "")
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
