"""A real Prometheus that scrapes a real trainer, TorchServe and ONNX Runtime server, and the load on them."""

import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
import yaml

from tests.commands import RECIPES, ROOT
from tests.forks import warm_workers
from tests.k8s.monitoring.queries import RULES, Query, soon
from tests.ports import free_port
from tests.serving.texts_bundle import texts
from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.serving.client import Client, GrpcClient, RestClient

NAMESPACE = "torchferry"


@contextmanager
def trainer(folder: Path) -> Iterator[str]:
    """Where two ranks that train until the block ends are scraped. Nicely: the servers are to start meanwhile."""
    command = ["nice", sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "torchferry.training", "--config", str(RECIPES / "digits.yaml"), "--runs_dir", str(folder)]
    command += ["--metrics.port", "0", "--epochs", "100000"]
    with (folder / "errors.txt").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | warm_workers(), stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "metrics on " in line, line + (folder / "errors.txt").read_text()
            yield line.split("metrics on ")[1].strip()
        finally:
            process.terminate()
            process.communicate(timeout=60)


@contextmanager
def loaded(torchserve: Mapping[str, str], onnx: Mapping[str, str], images: list[bytes]) -> Iterator[None]:
    """Predictions over REST and gRPC until the block ends, wrong requests among them, and some that are too late."""
    over = threading.Event()
    thread = threading.Thread(target=_load, args=(torchserve, onnx, images, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _load(torchserve: Mapping[str, str], onnx: Mapping[str, str], images: list[bytes], over: threading.Event) -> None:
    with (
        RestClient(torchserve["rest"]) as first,
        GrpcClient(torchserve["grpc"]) as second,
        RestClient(onnx["rest"]) as third,
        GrpcClient(onnx["grpc"]) as fourth,
    ):
        asked: list[tuple[Client, str]] = [(first, "digits-torch"), (second, "digits-onnx-fp32")]
        asked += [(third, "digits"), (fourth, "digits")]
        while not over.wait(0.2):
            for client, model in asked:
                for image in images:
                    client.predict(model, image)
                with suppress(UserError):
                    client.predict(model, b"not an image")
            urllib3.request("POST", f"{onnx['rest']}/v2/models/digits/infer", body=_late(), retries=False)
            for ids in texts(4, seed=time.monotonic_ns()):  # others each time, or the cache would answer
                third.infer("texts", {"ids": ids})


def _late() -> bytes:
    pixels = '{"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [' + ",".join(["0"] * 64) + "]}"
    return f'{{"parameters": {{"timeout": 1}}, "inputs": [{pixels}]}}'.encode()


class Prometheus:
    """Scrapes `targets`, a URL by the job that it is, and evaluates our rules, with short windows."""

    def __init__(self, folder: Path, targets: Mapping[str, str]) -> None:
        program = shutil.which("prometheus")
        if program is None:
            pytest.skip("prometheus is missing; Debian's package prometheus brings it")
        self.url = f"http://127.0.0.1:{free_port()}"
        for path in RULES:
            (folder / path.name).write_text(soon(path.read_text()))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(targets)))
        command = [
            program,
            "--config.file",
            str(folder / "prometheus.yml"),
            "--storage.tsdb.path",
            str(folder / "data"),
        ]
        command += ["--web.listen-address", urlsplit(self.url).netloc]
        with (folder / "prometheus.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def query(self, expr: str) -> list[Any]:
        """What it finds: of each series, its labels as `metric` and its `value`."""
        answer = urllib3.request("GET", f"{self.url}/api/v1/query", fields={"query": expr}).json()
        assert answer["status"] == "success", f"{expr}: {answer}"
        found = answer["data"]["result"]
        return [{"metric": {}, "value": found}] if answer["data"]["resultType"] == "scalar" else list(found)

    def query_until(self, expr: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """What it finds at last: a machine that is busy may scrape too late for a while, and then a series is gone."""
        end = time.monotonic() + 60
        while not enough(found := self.query(expr)) and time.monotonic() < end:
            time.sleep(0.5)
        return found

    def wait_answers(self, queries: Iterable[Query], seconds: float) -> None:
        """Until each finds a number, or for so long: windows have to fill, and a checkpoint is not written at once."""
        left, end = list(queries), time.monotonic() + seconds
        while left and time.monotonic() < end:
            time.sleep(1)
            left = [query for query in left if not any(map(is_number, self.query(query.expr)))]

    def wait_scraped(self, jobs: int) -> None:
        def all_up() -> bool:
            with suppress(urllib3.exceptions.HTTPError, ValueError):  # it starts, or says so in plain text
                return len([each for each in self.query("up") if each["value"][1] == "1"]) == jobs
            return False

        wait_until(all_up)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def is_number(found: dict) -> bool:
    return math.isfinite(float(found["value"][1]))


def _configuration(targets: Mapping[str, str]) -> dict[str, Any]:
    """With the labels that relabeling gives in the cluster; see base/monitoring/prometheus."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [path.name for path in RULES],
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [
                    {
                        "targets": [urlsplit(url).netloc],
                        "labels": {"namespace": NAMESPACE, "pod": f"{job}-0", "instance": f"{job}-0"},
                    }
                ],
            }
            for job, url in targets.items()
        ],
    }
