"""`torchferry export`: the variants of a run's model, or of any other, each measured, in a bundle."""

import argparse
import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torchferry.arguments import Parser, count, finite, words
from torchferry.errors import GateError, UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.bundle.signature import add_signing, signing_key
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.external.external_model import add_options, load_given
from torchferry.serving.export.external.huggingface.model_folder import is_model_folder
from torchferry.serving.export.external.network import name_of
from torchferry.serving.export.external.picture_options import check_is_for_model, option_of
from torchferry.serving.export.external.timm_network import timm_name
from torchferry.serving.export.formats.kserve import write_kserve
from torchferry.serving.export.formats.triton_variants import why_not
from torchferry.serving.export.own_sizes import read_sides
from torchferry.serving.export.progress import shown_progress
from torchferry.serving.export.provider_gate import providers_of
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.state import with_state
from torchferry.serving.export.trained import load_trained
from torchferry.serving.session.providers import ASKED
from torchferry.serving.session.runtimes import RUNTIMES, TORCH
from torchferry.training.config.recipe import GateConfig

USUAL = [runtime.variant for runtime in RUNTIMES.values() if runtime.usual]
LIMITS = {
    "max_abs_diff": "for every variant: how far any output may differ from the checkpoint's",
    "max_relative_error": "for every variant: of all outputs together",
    "max_drop": "for every variant: how much less than the checkpoint's score, in points of the task's metric",
    "min_agreement": "for every variant: how far answers must mean what the checkpoint's do, 0 to 1",
    "max_changed_share": "for every variant: how many whole numbers of an output may be others, 0 to 1",
}
OF_MODEL = {
    **dict.fromkeys(
        ("allow_nan", "allow_infinity", "columns"), "a run's table says itself what its columns are and may miss"
    ),
    **dict.fromkeys(("task", "task_args"), "a run has the task that it was trained for"),
    **dict.fromkeys(
        ("eval_data", "source", "calibration_data", "reference"), "a run is judged on its own data; evaluate has others"
    ),
    **dict.fromkeys(("input", "pad", "labels", "outputs"), "a run says itself what it takes and answers"),
    **dict.fromkeys(("state", "state_start"), "a run's network has one input, and carries nothing"),
    **dict.fromkeys(
        ("model_args", "weights", "weights_key", "weights_prefix"), "a run has its own network and weights"
    ),
}
"""What would be passed over for a run, and why it is not needed there."""
OF_FORMATS = {"triton": ("run", "output", "format"), "kserve": ("run", "output", "format", "storage_uri")}
"""What a bundle is converted by; all other options are for making one."""


def main(arguments: Sequence[str]) -> None:
    made = parser()
    options = made.parse_args(arguments)
    if options.format != "bundle":
        _check_converts(options, made)
        _convert(options)
        return
    if options.storage_uri is not None:
        raise UserError("--storage-uri: is for --format kserve, which writes it into the manifest")
    named = options.run
    _take_model(options)
    _check_names(options)
    names = _names(options.variants)
    _check_serve(options.serve, names)
    asked = {field.name: getattr(options, field.name) for field in dataclasses.fields(GateConfig)}
    given = {name: limit for name, limit in asked.items() if limit is not None}
    if (options.run is None) == (options.model is None):
        raise UserError("give a run folder, or a model: a file, a folder, or an import path with --model")
    if options.run:
        check_is_for_model(options)
    for name, why in OF_MODEL.items() if options.run else ():
        if getattr(options, name) not in (None, False, {}, [], ()):
            raise UserError(f"{option_of(name)}: is for --model; {why}")
    providers = providers_of(options.providers)
    key = signing_key(options)
    if options.sizes and not options.run:
        raise UserError("--sizes: is for a run; of a model that was not trained here --input says them")
    sides = read_sides(options.sizes) if options.sizes else None
    with _sizes_named(options):
        reference = load_trained(options.run, sides) if options.run else _load_given(options, named)
    if options.name is not None:
        reference = dataclasses.replace(reference, name=options.name)
    reference = dataclasses.replace(reference, max_batch=_most(options.max_batch, reference.max_batch))
    reference = with_state(reference, options.state, options.state_start)
    if reference.graph is not None and options.variants is None:
        names = [name for name in names if RUNTIMES[name].package != TORCH]  # of which a graph has none
    output = options.output or (options.run / "bundle" if options.run else Path("bundles") / reference.name)
    with _sizes_named(options), shown_progress() as progress:
        bundle = export(reference, output, names, given, options.model_version, key, options.serve, progress, providers)
    if bundle.choice:
        print(f"serves {bundle.choice.variant}: {bundle.choice.reason}")
    print(f"{bundle.name} {bundle.version}: {len(bundle.accepted)} of {len(names)} variants accepted; in {output}")
    if bundle.max_batch is not None:
        print(f"servers compute at most {bundle.max_batch} sample{'s' * (bundle.max_batch > 1)} together (--max-batch)")
    wanted = [] if options.variants in (None, "all") else names
    _judge(bundle, output, [*wanted, *([options.serve] if options.serve not in (None, *wanted) else [])])


def parser() -> argparse.ArgumentParser:
    made = Parser(prog="torchferry export", description=__doc__)
    source = "a finished run folder, or a model: a file (ONNX, .pt2, TorchScript), a folder of Hugging Face's, or "
    source += "timm/NAME; beside --model a file of weights; for --format a bundle"
    made.add_argument("run", nargs="?", type=Path, help=source)
    made.add_argument("--output", "-o", type=Path, help="the folder to write (default RUN/bundle or bundles/NAME)")
    formats = "what to write: of a bundle its ONNX variants for Triton, or KServe's manifest (default a bundle of RUN)"
    made.add_argument("--format", choices=("bundle", "triton", "kserve"), default="bundle", help=formats)
    made.add_argument("--storage-uri", help="where KServe finds what --format triton wrote")
    choice = f"all, or some of {','.join(RUNTIMES)} (default {','.join(USUAL)})"
    made.add_argument("--variants", help=choice)
    on = f"ONNX variants are measured there too: some of {','.join(ASKED)} (default the GPUs that onnxruntime has)"
    made.add_argument("--providers", type=words, default=(), metavar="NAME,NAME", help=on)
    served = "the variant that servers take where none is named (default: the exact one, unless another pays)"
    made.add_argument("--serve", metavar="VARIANT", help=served)
    made.add_argument("--model-version", default="1.0", help="the version servers show (default 1.0)")
    most = "the most samples that servers may compute together; 1 where a sample's answer depends on its neighbours"
    made.add_argument("--max-batch", type=count, metavar="N", help=f"{most} (default any number)")
    sizes = "of a run: its pictures keep their own size between these bounds, such as 64..512/16, in multiples of 16, "
    sizes += "or height=64..512/16,width=32..1024/16 (default the one size that it was trained with)"
    made.add_argument("--sizes", metavar="BOUNDS", help=sizes)
    add_signing(made)
    for field in dataclasses.fields(GateConfig):
        made.add_argument(f"--{field.name.replace('_', '-')}", type=finite, help=LIMITS[field.name])
    add_options(made)
    return made


def _check_converts(options: argparse.Namespace, made: argparse.ArgumentParser) -> None:
    """Raises UserError for an option that nothing would heed."""
    for name, value in vars(options).items():
        if name in OF_FORMATS[options.format] or value == made.get_default(name):
            continue
        ways = {
            "max_batch": f"it stands in the bundle, from where --format {options.format} takes it",
            "serve": "every accepted ONNX variant becomes a model of Triton's, and who asks names one",
            "variants": "every accepted ONNX variant becomes a model of Triton's",
            "storage_uri": "it is for --format kserve, which writes it into the manifest",
        }
        way = ways.get(name, f"it is for making a bundle, and --format {options.format} converts one")
        raise UserError(f"{option_of(name)}: {way}; leave it out")


def _convert(options: argparse.Namespace) -> None:
    if options.run is None or options.output is None:
        raise UserError(f"--format: {options.format} needs a bundle, and the folder to write with --output")
    bundle = bundles.load(options.run)
    if options.format == "triton":
        from torchferry.serving.export.formats.triton import write_triton  # loads Triton's schema

        names = write_triton(bundle, options.output)
        print(f"{', '.join(names)} in {options.output}")
        if bundle.choice:
            _say_choice(bundle, bundle.choice, names)
        return
    if options.storage_uri is None:
        raise UserError("--storage-uri: is missing; say where what --format triton wrote will lie")
    print(write_kserve(bundle, options.storage_uri, options.output))


def _say_choice(bundle: Bundle, choice: Choice, names: Sequence[str]) -> None:
    """Among Triton's models, which knows of none."""
    if (own := f"{bundle.name}-{choice.variant}") not in names:
        print(f"the bundle's own choice, {choice.variant}, is not among them: {why_not(choice.variant)}")
    elif len(names) > 1:
        print(f"who asks Triton names one of them; the bundle's own choice is {own}: {choice.reason}")


def _check_names(options: argparse.Namespace) -> None:
    """Before anything is built, which takes minutes."""
    names = {"--model-version": options.model_version}
    if options.model or options.name is not None:  # else the run's name is the bundle's
        names["--name"] = name_of(options)
    for option, name in names.items():
        if not bundles.NAME.fullmatch(name):
            raise UserError(f"{option}: '{name[:200]}' cannot be a name; {bundles.NAME_RULE}")


def _take_model(options: argparse.Namespace) -> None:
    """What is given in place of a run, and is a file, a folder or a name of a model, is one; beside --model a file is
    its weights. Raises UserError where there is nothing."""
    given = options.run
    if given is None:
        return
    if not given.exists() and not timm_name(str(given)):
        raise UserError(f"{given}: is not there; give a run folder, or a file or a folder with a model")
    if given.is_file() and options.model is not None:
        if options.weights is not None:
            raise UserError(
                f"{given}: beside --model a file is its weights, and --weights names some; give one of them"
            )
        options.weights, options.run = str(given), None
    elif options.model is None and (not given.is_dir() or is_model_folder(given)):
        options.model, options.run = str(given), None


def _load_given(options: argparse.Namespace, named: Path | None) -> Reference:
    """What is wrong with a model that was named in place of a run is said of its file, folder or name: nobody gave
    --model."""
    try:
        return load_given(options)
    except UserError as error:
        what, _, said = str(error).partition(": ")
        if named is None or (what, options.model) != ("--model", str(named)):
            raise
        raise UserError(f"{named}: {said.removeprefix(f'{named}: ')}") from error


@contextmanager
def _sizes_named(options: argparse.Namespace) -> Iterator[None]:
    """Of a run --sizes says what --input says of other models, so that what is wrong with it is told of --sizes."""
    try:
        yield
    except UserError as error:
        if not options.sizes or not str(error).startswith("--input: "):
            raise
        text = str(error).removeprefix("--input: ")
        raise UserError("--sizes: " + re.sub(r"say \[([^\]]*)\]", r"say \1", text)) from error


def _most(asked: int | None, can: int | None) -> int | None:
    """Samples together, at the most. Raises UserError for more than the network can compute."""
    if asked and can and asked > can:
        raise UserError(f"--max-batch: {asked} is more than the {can} that the model's graph was made for")
    return asked or can


def _names(variants: str | None) -> list[str]:
    if variants is None:
        return list(USUAL)
    names = list(RUNTIMES) if variants == "all" else list(dict.fromkeys(variants.split(",")))
    for name in names:
        if name not in RUNTIMES:
            choice = f"choose all or some of {','.join(RUNTIMES)}"
            raise UserError(f"--variants: there is no variant '{name}'{did_you_mean(name, RUNTIMES, choice)}")
        if variants != "all" and (lacks := RUNTIMES[name].lacks):  # of all, those that cannot be made are skipped
            raise UserError(f"--variants: {lacks}")
    return names


def _check_serve(serve: str | None, names: Sequence[str]) -> None:
    if serve is None or serve in names:
        return
    if serve in RUNTIMES:
        raise UserError(f"--serve: {serve} is not built; --variants are {','.join(names)}")
    otherwise = f"choose one of {','.join(names)}"
    raise UserError(f"--serve: there is no variant '{serve}'{did_you_mean(serve, names, otherwise)}")


def _judge(bundle: Bundle, output: Path, asked: Sequence[str]) -> None:
    missing = [name for name in asked if name not in bundle.accepted]
    if missing or not bundle.accepted:
        raise GateError(f"not accepted: {', '.join(missing) or 'any variant'}; {output / 'model.json'} says why")
