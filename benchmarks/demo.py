"""The main job, `make demo`: every step as the command a user would type, then a table of what came out.

Held-out images go to every variant on both servers over both protocols; it fails unless each label is the one that
the checkpoint gives in process.
"""

import csv
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from torchferry import run_folder
from torchferry.arguments import Parser
from torchferry.benchmarks import record
from torchferry.benchmarks.load.measurement import Measurement, figures
from torchferry.benchmarks.load.options import add_sending, add_target, measure_open, target_of
from torchferry.benchmarks.load.server_metrics import ServerMetrics
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.session.runtimes import FIRST

RECIPE = Path("training/recipes/digits.yaml")
RUN = Path("runs/digits")
MEASURED = RUN / "latency"
VARIANTS = ("torch", FIRST)
# What is served: by runtime the option that names it, and the models with their variants.
SERVERS = {
    "torchserve": (RUN / "model-store", {f"digits-{variant}": variant for variant in VARIANTS}),
    "onnx": (RUN / f"bundle:{FIRST}", {"digits": FIRST}),
}
LEAST_ACCURACY = 0.98
IMAGES = 100
RATE = 50  # requests a second
LOAD = ("--seconds", "3", "--warmup", "0.5")
COMMAND = (sys.executable, "-m", "torchferry")


class DemoFailed(Exception):
    """A step failed, or an answer was wrong."""


def main(arguments: Sequence[str]) -> None:
    Parser(prog="torchferry demo", description=__doc__).parse_args(arguments)
    if not RECIPE.is_file():
        raise UserError(f"{RECIPE}: is missing; run the demo in the project's folder")
    started = time.perf_counter()
    try:
        _train()
        # By name, so that a variant that the gate refuses fails the demo.
        _step("export", RUN, "--variants", ",".join(VARIANTS))
        _step("archive", RUN / "bundle")
        _step("samples", RUN, "--count", IMAGES)
        bundle = bundles.load(RUN / "bundle")
        _check_accuracy(bundle)
        latencies = {}
        for runtime, (served, models) in SERVERS.items():
            with _served(runtime, served) as addresses:
                _check_predictions(models, addresses)
                latencies[runtime] = _measure(models, addresses)
        _step("report", RUN, *sorted(MEASURED.glob("*.json")), "-o", RUN / "report.html")
    except DemoFailed as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    _print_table(bundle, latencies)
    print(f"done in {time.perf_counter() - started:.0f} s")


def _train() -> None:
    if RUN.exists():
        earlier = next(path for n in range(1, 10**6) if not (path := RUN.with_name(f"{RUN.name}.{n}")).exists())
        RUN.rename(earlier)
        print(f"an earlier run is kept as {earlier}")
    words: list[object] = ["--nproc-per-node", 2, "--config", RECIPE]
    if _answers("127.0.0.1", 9400):
        print("port 9400 is taken, so the trainer's metrics go to a free one")
        words += ["--metrics.port", 0]
    _step("train", *words)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _step(*arguments: object, shown: bool = True) -> str:
    """Run a verb; its output passes through, or is returned where `shown` is false."""
    words = [str(argument) for argument in arguments]
    if shown:
        _show(words)
    stdout = None if shown else subprocess.PIPE
    with _stopped_at_the_end(subprocess.Popen([*COMMAND, *words], stdout=stdout, text=True)) as step:
        output, _ = step.communicate()
    if step.returncode:
        raise DemoFailed(f"torchferry {shlex.join(words[:3])} ... ended with exit code {step.returncode}")
    return output or ""


def _show(words: Sequence[str], more: str = "") -> None:
    print(f"\n$ torchferry {shlex.join(words)}{more}", flush=True)


@contextmanager
def _stopped_at_the_end(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Whatever ends the block, SIGTERM too, ends the process, and with it those that it started."""
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _served(runtime: str, served: Path) -> Iterator[dict[str, Any]]:
    """The addresses of a server on free ports, stopped at the end."""
    ready = RUN / "server.json"
    words = ["up", "--runtime", runtime, str(served), "--ready-file", str(ready)]
    # nginx would be one thing more to install.
    words += ["--gateway", "none"] if runtime == "torchserve" else []
    for option in ("--port", "--grpc-port", "--metrics-port"):
        words += [option, "0"]
    _show(words)
    with _stopped_at_the_end(subprocess.Popen([*COMMAND, *words], text=True)) as server:
        while not ready.exists():
            if server.poll() is not None:
                raise DemoFailed(f"the server ended with exit code {server.returncode}")
            time.sleep(0.1)
        yield json.loads(ready.read_text())


def _check_accuracy(bundle: Bundle) -> None:
    """The checkpoint and both variants have the accuracy that training ended with, and it is high enough."""
    trained = yaml.safe_load((RUN / run_folder.MODEL / run_folder.CARD).read_text())["result"]["accuracy"]
    measured = {name: bundle.variants[name].measured.score for name in VARIANTS}
    for name, accuracy in {"the checkpoint": bundle.reference["score"], **measured}.items():
        # As far as one sample: another number of threads may round the closest call differently.
        if abs(accuracy - trained) > 1.5 / bundle.reference["samples"]:
            raise DemoFailed(f"{name} has an accuracy of {accuracy:.2%}, training ended with {trained:.2%}")
    if trained < LEAST_ACCURACY:
        raise DemoFailed(f"the test accuracy is {trained:.2%}; {LEAST_ACCURACY:.0%} is expected")


def _check_predictions(models: Iterable[str], addresses: dict[str, Any]) -> None:
    """Send the held-out images to every model over both protocols with `predict`, and compare the labels."""
    with (RUN / run_folder.SAMPLES / run_folder.SAMPLES_TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    files = [RUN / run_folder.SAMPLES / row["file"] for row in rows]
    for model in models:
        for protocol, options in _protocols(addresses).items():
            words = ["predict", "--model", model, *options]
            _show([*words, str(files[0])], more=f" ... ({len(files)} images)")
            output = _step(*words, *files, shown=False)
            labels = [line.split()[0] for line in output.splitlines()]
            _compare(labels, rows, f"{model} over {protocol}")


def _compare(labels: list[str], rows: list[dict[str, str]], where: str) -> None:
    expected = [row["predicted"] for row in rows]
    different = [row["file"] for row, label in zip(rows, labels, strict=True) if label != row["predicted"]]
    if different:
        raise DemoFailed(
            f"{where}: {len(different)} of {len(expected)} labels are not the checkpoint's, "
            f"the first for {different[0]}"
        )
    right = sum(label == row["label"] for label, row in zip(labels, rows, strict=True))
    print(f"{where}: {len(labels)} labels are the checkpoint's; {right} of them are right")


def _protocols(addresses: dict[str, Any]) -> dict[str, list[str]]:
    host, _, port = addresses["rest"].removeprefix("http://").rpartition(":")
    grpc_port = addresses["grpc"].rpartition(":")[2]
    return {
        "REST": ["--host", host, "--port", port],
        "gRPC": ["--host", host, "--grpc-port", grpc_port, "--grpc"],
    }


def _measure(models: dict[str, str], addresses: dict[str, Any]) -> dict[str, list[Measurement]]:
    """By variant, over REST and over gRPC; each is left in a file as well, for the report."""
    image = next((RUN / run_folder.SAMPLES).glob("*/*.png"))
    print(f"\nmeasuring latency at {RATE} requests a second, {LOAD[1]} s for each ...", flush=True)
    parser, results = Parser(), dict[str, list[Measurement]]()
    MEASURED.mkdir(exist_ok=True)
    add_target(parser)
    add_sending(parser)
    for model, variant in models.items():
        results[variant] = []
        for protocol, url in (("predictions", "rest"), ("grpc-predictions", "grpc")):
            what = ("--model", model, "--protocol", protocol, "--input", str(image))
            output = str(MEASURED / f"{model}-{protocol}.json")
            options = parser.parse_args([addresses[url], *what, *LOAD, "--output", output])
            target, metrics = target_of(options), ServerMetrics(addresses["metrics"], model)
            result = metrics.explain(measure_open(target, RATE, options))
            record.write("latency", options, asdict(result), figures(result))
            results[variant].append(result)
    return results


def _print_table(bundle: Bundle, latencies: dict[str, dict[str, list[Measurement]]]) -> None:
    print(f"\n{'server':10} {'variant':10} {'accuracy':>9} {'size kB':>8} {'largest diff.':>14}", end="")
    print(f" {'REST p50':>10} {'p99 ms':>8} {'gRPC p50':>10} {'p99 ms':>8}")
    for runtime, by_variant in latencies.items():
        for name, results in by_variant.items():
            variant = bundle.variants[name]
            print(f"{runtime:10} {name:10} {variant.measured.score:9.2%} {variant.bytes / 1000:8.0f}", end="")
            print(f" {variant.measured.max_abs_diff:14.1e}", end="")
            for result in results:
                print(f" {result.percentiles_ms['p50']:10.2f} {result.percentiles_ms['p99']:8.2f}", end="")
            print("".join(f"  VOID: {result.protocol}: {result.void}" for result in results if result.void))
    print(f"\nrun          {RUN}/  (curves.png, confusion.png, predictions.png, metrics.jsonl)")
    print(f"bundle       {RUN / 'bundle'}/  (model.json says how each variant was measured)")
    print(f"archives     {RUN / 'model-store'}/")
    print(f"test images  {RUN / 'samples'}/")
    print(f"report       {RUN / 'report.html'}  (all of this on one page)")
