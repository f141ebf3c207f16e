"""`torchferry archive BUNDLE`: one .mar for each accepted variant, made by torch-model-archiver."""

import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

import torchferry
from torchferry.arguments import Parser, count
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.provenance import PROVENANCE
from torchferry.serving.bundle.signature import SigningKey, add_signing, signing_key
from torchferry.serving.bundle.tensor_spec import TextDecode
from torchferry.serving.cli.settings_file import parse
from torchferry.serving.session.runtimes import rows_of
from torchferry.serving.torchserve.archive_signature import sign_archive
from torchferry.whole_folder import make_folder

OURS = Path(torchferry.__file__).parent
HANDLER = Path(__file__).with_name("handler.py")
# What the handler imports of ours; it travels with it.
MODULES = (
    "__init__.py",
    *sorted(path.relative_to(OURS).as_posix() for path in (OURS / "contract").rglob("*.py")),
    "csv_reader.py",
    "errors.py",
    "files.py",
    "malloc.py",
    "nearest.py",
    "serving/__init__.py",
    "serving/bundle/__init__.py",
    "serving/bundle/answers.py",
    "serving/bundle/bundle.py",
    "serving/bundle/choice.py",
    "serving/bundle/signed.py",
    "serving/bundle/state.py",
    "serving/bundle/tensor_spec.py",
    "serving/bundle/variant.py",
    "serving/codec/__init__.py",
    "serving/codec/answer_file.py",
    "serving/codec/body_types.py",
    "serving/codec/column_lines.py",
    "serving/codec/content_encoding.py",
    "serving/codec/decoders.py",
    "serving/codec/decoding.py",
    "serving/codec/encoded.py",
    "serving/codec/images.py",
    "serving/codec/json_instances.py",
    "serving/codec/json_objects.py",
    "serving/codec/lines.py",
    "serving/codec/predicted_labels.py",
    "serving/codec/predictions_json.py",
    "serving/codec/sample_cost.py",
    "serving/codec/sent_pixels.py",
    "serving/codec/sounds.py",
    "serving/codec/strings.py",
    "serving/codec/table_rows.py",
    "serving/codec/tensors.py",
    "serving/codec/text_bodies.py",
    "serving/codec/texts.py",
    "serving/codec/upload.py",
    "serving/codec/values.py",
    "serving/cpu.py",
    "serving/errors.py",
    "serving/metric_names.py",
    "serving/session/__init__.py",
    "serving/session/aoti_session.py",
    "serving/session/capped_session.py",
    "serving/session/compiled_session.py",
    "serving/session/onnx_session.py",
    "serving/session/openvino_session.py",
    "serving/session/operators.py",
    "serving/session/padding.py",
    "serving/session/runtimes.py",
    "serving/session/torch_session.py",
    "serving/torchserve/__init__.py",
    "serving/torchserve/explain.py",
    "serving/torchserve/explanation.py",
    "serving/torchserve/grpc_failure.py",
    "serving/torchserve/worker_limits.py",
    "serving/torchserve/worker_log.py",
    "serving/torchserve/worker_metrics.py",
    "serving/torchserve/worker_request.py",
)


@dataclass(frozen=True)
class Serving:
    """How TorchServe is to serve an archive; it stands in the archive."""

    workers: int = 1
    batch_size: int = 1
    batch_delay_ms: int = 5


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry archive", description=__doc__)
    parser.add_argument("bundle", type=Path, help="a bundle made by torchferry export")
    parser.add_argument("--output", "-o", type=Path, help="folder for the archives (default model-store beside BUNDLE)")
    parser.add_argument("--variants", help="some of the accepted ones, with commas (default all of them)")
    parser.add_argument("--workers", type=count, default=1, help="processes that serve each (default 1)")
    parser.add_argument("--batch-size", type=count, default=1, help="requests computed together (default 1)")
    parser.add_argument(
        "--batch-delay-ms",
        type=count,
        default=5,
        help="how long a request waits for others where --batch-size is above 1, even where none come (default 5)",
    )
    add_signing(parser)
    options = parse(parser, "archive", arguments)
    key = signing_key(options)
    bundle = bundles.load(options.bundle)
    names = options.variants.split(",") if options.variants else bundle.accepted
    how = Serving(options.workers, options.batch_size, options.batch_delay_ms)
    for path in archive(bundle, options.output or options.bundle.parent / "model-store", names, how, key):
        print(f"{path}  {path.stat().st_size / 1000:,.0f} kB")


def archive(
    bundle: Bundle, store: Path, variants: Sequence[str], how: Serving | None = None, key: SigningKey | None = None
) -> list[Path]:
    """Write `<name>-<variant>.mar` into `store` for each of the variants, and its signature beside it, if there is a
    `key`. Raises UserError for one not accepted."""
    if not bundle.accepted:
        raise UserError(f"{bundle.root}: has no accepted variant to archive; its model.json says why each was refused")
    if unknown := [name for name in variants if name not in bundle.accepted]:
        raise UserError(f"{bundle.root}: has no accepted variant '{unknown[0]}', only {', '.join(bundle.accepted)}")
    if importlib.util.find_spec("model_archiver") is None:
        raise UserError("torch-model-archiver is not installed; pip install 'torchferry[serve]'")
    how = _capped(how or Serving(), bundle)
    targets = {variant: store / f"{bundle.name}-{variant}.mar" for variant in variants}
    for target in targets.values():
        if target.exists():
            raise UserError(f"{target}: exists already and is left as it is; give another folder with --output")
    for variant in targets:
        for relative in _files(bundle, variant):
            bundle.verified(relative)  # before anything is written
    make_folder(store)
    with tempfile.TemporaryDirectory(dir=store, prefix=".archiving-") as folder:
        made = [_archive(bundle, variant, Path(folder), how) for variant in targets]
        for path, target in zip(made, targets.values(), strict=True):
            if key:
                sign_archive(path, target, key)
            path.rename(target)
    return list(targets.values())


def _capped(how: Serving, bundle: Bundle) -> Serving:
    """Requests are not put together beyond what the bundle allows of samples; the handler takes larger ones apart."""
    if bundle.max_batch is None or how.batch_size <= bundle.max_batch:
        return how
    limit = f"{bundle.max_batch} sample{'s' if bundle.max_batch > 1 else ''}"
    text = f"{bundle.name} {bundle.version} was exported for at most {limit} together"
    print(f"torchferry: {text}; --batch-size {how.batch_size} is not used", file=sys.stderr, flush=True)
    return dataclasses.replace(how, batch_size=bundle.max_batch)


def check_archive(path: Path) -> None:
    """Raise UserError unless the file is a whole archive of ours under its own name."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            damaged = archive.testzip()
            manifest = json.loads(archive.read("MAR-INF/MANIFEST.json")) if damaged is None else {}
    except (zipfile.BadZipFile, zlib.error, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: is damaged, or not an archive made by torchferry archive") from error
    if damaged is not None:
        raise UserError(f"{path}: is damaged in {damaged}; archive the bundle again")
    if not {"model.json", "handler.py"} <= names:
        raise UserError(f"{path}: is not an archive made by torchferry archive")
    if (name := manifest["model"]["modelName"]) != path.stem.partition("@")[0]:
        raise UserError(f"{path}: holds the model {name}; call it {name}.mar")


def check_runtime(archive: Path) -> None:
    """Raise UserError where what computes the archive's variant is not installed here."""
    with zipfile.ZipFile(archive) as mar:
        variant = yaml.safe_load(mar.read("model-config.yaml"))["torchferry"]["variant"]
    for runtime in rows_of([variant]):
        if runtime.lacks:
            raise UserError(f"{archive}: {runtime.lacks}")


def _archive(bundle: Bundle, variant: str, work: Path, how: Serving) -> Path:
    name, content = f"{bundle.name}-{variant}", work / variant
    for relative in _files(bundle, variant):
        _copy(bundle.verified(relative), content / relative)
    _copy(bundle.root / "model.json", content / "model.json")
    for module in MODULES:
        _copy(OURS / module, content / "torchferry" / module)
    (work / "model-config.yaml").write_text(yaml.safe_dump(_model_config(variant, how), sort_keys=False))
    # In a folder of its own with relative names: the archiver splits paths at commas, reads brackets as
    # patterns, and first deletes a folder named after the model in the shared temporary folder.
    command = ["--model-name", name, "--version", bundle.version, "--handler", str(HANDLER)]
    command += ["--extra-files", variant, "--config-file", "model-config.yaml", "--export-path", ".", "--force"]
    scratch = work / f"{variant}-scratch"
    scratch.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "model_archiver.model_packaging", *command],
        cwd=work,
        env=os.environ | {"TMPDIR": str(scratch.resolve())},
        capture_output=True,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; the child ends soon by itself
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise ServerFault(f"torch-model-archiver failed for {name}: {last}")
    return work / f"{name}.mar"


def _files(bundle: Bundle, variant: str) -> list[str]:
    tokenizers = [spec.decode.tokenizer for spec in bundle.inputs if isinstance(spec.decode, TextDecode)]
    whole = [name for name in (bundle.code, PROVENANCE, *tokenizers) if name in bundle.files]
    return [*bundle.variant_files(variant), *whole, *bundle.golden_files]


def _model_config(variant: str, how: Serving) -> dict[str, object]:
    # TorchServe starts one worker for each CPU it sees, unless told, and lets a lone request wait out
    # maxBatchDelay when batchSize is above 1.
    return {
        "minWorkers": how.workers,
        "maxWorkers": how.workers,
        "batchSize": how.batch_size,
        "maxBatchDelay": how.batch_delay_ms if how.batch_size > 1 else 0,
        "responseTimeout": 120,
        "startupTimeout": 120,
        "torchferry": {"variant": variant},
    }


def archive_version(archive: Path) -> tuple[str, str]:
    """The model's name and version."""
    with zipfile.ZipFile(archive) as mar:
        model = json.loads(mar.read("MAR-INF/MANIFEST.json"))["model"]
    return model["modelName"], model["modelVersion"]


def workers_of(archive: Path) -> int:
    """How many workers serve an archive of ours."""
    with zipfile.ZipFile(archive) as mar:
        return int(yaml.safe_load(mar.read("model-config.yaml"))["minWorkers"])


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
