"""`torchferry export`: the variants of a run's model, or of any other, each measured, in a bundle."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from torchferry.arguments import Parser, count, finite
from torchferry.errors import GateError, UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import SigningKey
from torchferry.serving.bundle.variant import Variant
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.external_model import add_options, load_given, name_of
from torchferry.serving.export.gate import Limits
from torchferry.serving.export.kserve import write_kserve
from torchferry.serving.export.trained import load_trained
from torchferry.serving.export.variants import BUILDERS

USUAL = ("torch", "onnx-fp32", "onnx-int8")  # what needs neither a compiler nor a GPU


def main(arguments: Sequence[str]) -> None:
    options = parser().parse_args(arguments)
    _check_names(options)
    if options.format != "bundle":
        _convert(options)
        return
    names = _names(options.variants)
    asked = {field.name: getattr(options, field.name) for field in dataclasses.fields(Limits)}
    given = {name: limit for name, limit in asked.items() if limit is not None}
    if (options.run is None) == (options.model is None):
        raise UserError("give a run folder, or the import path of a model with --model")
    key = SigningKey(options.sign) if options.sign else None
    reference = load_trained(options.run) if options.run else load_given(options)
    if options.name is not None:
        reference = dataclasses.replace(reference, name=options.name)
    reference = dataclasses.replace(reference, max_batch=options.max_batch)
    output = options.output or (options.run / "bundle" if options.run else Path("bundles") / reference.name)
    bundle = export(reference, output, names, given, options.model_version, key)
    for name, variant in bundle.variants.items():
        print(_line(name, variant))
    for name, reason in bundle.skipped.items():
        print(f"{name:13}  skipped   ({reason})")
    eager = bundle.reference["batch_1_ms"]
    print(f"{'checkpoint':13}  in eager mode  {eager:20.3f} ms")
    print(f"{bundle.name} {bundle.version}: {len(bundle.accepted)} of {len(names)} variants accepted; in {output}")
    if bundle.max_batch is not None:
        print(f"servers compute at most {bundle.max_batch} sample{'s' * (bundle.max_batch > 1)} together (--max-batch)")
    _judge(bundle, output, [] if options.variants in (None, "all") else names)


def parser() -> argparse.ArgumentParser:
    made = Parser(prog="torchferry export", description=__doc__)
    made.add_argument("run", nargs="?", type=Path, help="a finished run folder; for --format a bundle")
    made.add_argument("--output", "-o", type=Path, help="the folder to write (default RUN/bundle or bundles/NAME)")
    formats = "what to write: of a bundle its ONNX variants for Triton, or KServe's manifest (default a bundle of RUN)"
    made.add_argument("--format", choices=("bundle", "triton", "kserve"), default="bundle", help=formats)
    made.add_argument("--storage-uri", help="where KServe finds what --format triton wrote")
    choice = f"all, or some of {','.join(BUILDERS)} (default {','.join(USUAL)})"
    made.add_argument("--variants", help=choice)
    made.add_argument("--model-version", default="1.0", help="the version servers show (default 1.0)")
    most = "the most samples that servers may compute together; 1 where a sample's answer depends on its neighbours"
    made.add_argument("--max-batch", type=count, metavar="N", help=f"{most} (default any number)")
    made.add_argument("--sign", type=Path, metavar="KEY", help="vouch for it with an ed25519 private key, a PEM file")
    for field in dataclasses.fields(Limits):
        made.add_argument(f"--{field.name.replace('_', '-')}", type=finite, help="for every variant")
    add_options(made)
    return made


def _convert(options: argparse.Namespace) -> None:
    if options.max_batch is not None:
        raise UserError(f"--max-batch: stands in the bundle, and --format {options.format} takes it from there")
    if options.run is None or options.output is None:
        raise UserError(f"--format: {options.format} needs a bundle, and the folder to write with --output")
    bundle = bundles.load(options.run)
    if options.format == "triton":
        from torchferry.serving.export.triton import write_triton  # loads Triton's schema

        print(f"{', '.join(write_triton(bundle, options.output))} in {options.output}")
        return
    if options.storage_uri is None:
        raise UserError("--storage-uri: is missing; say where what --format triton wrote will lie")
    print(write_kserve(bundle, options.storage_uri, options.output))


def _check_names(options: argparse.Namespace) -> None:
    """Before anything is built, which takes minutes."""
    names = {"--model-version": options.model_version}
    if options.model or options.name is not None:  # else the run's name is the bundle's
        names["--name"] = name_of(options)
    for option, name in names.items():
        if not bundles.NAME.fullmatch(name):
            raise UserError(f"{option}: '{name[:200]}' cannot be a name; {bundles.NAME_RULE}")


def _names(variants: str | None) -> list[str]:
    if variants is None:
        return list(USUAL)
    names = list(BUILDERS) if variants == "all" else list(dict.fromkeys(variants.split(",")))
    for name in names:
        if name not in BUILDERS:
            raise UserError(f"--variants: there is no variant '{name}'; choose all or some of {','.join(BUILDERS)}")
    return names


def _judge(bundle: Bundle, output: Path, asked: Sequence[str]) -> None:
    missing = [name for name in asked if name not in bundle.accepted]
    if missing or not bundle.accepted:
        raise GateError(f"not accepted: {', '.join(missing) or 'any variant'}; {output / 'model.json'} says why")


def _line(name: str, variant: Variant) -> str:
    measured, speed = variant.measured, variant.speed
    accuracy = "" if measured.accuracy is None else f"accuracy {measured.accuracy:.2%}  "
    return (
        f"{name:13}  {variant.status}  {variant.bytes / 1000:9,.0f} kB  {speed.batch_1_ms:8.3f} ms  {accuracy}"
        f"largest difference {'none' if measured.max_abs_diff is None else format(measured.max_abs_diff, '.1e')}"
        + (f"  ({variant.reason})" if variant.reason else "")
        + (f"\n{'':15}{variant.note}" if variant.note else "")
    )
