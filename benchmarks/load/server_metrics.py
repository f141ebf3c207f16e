"""Mean time in each stage, and memory, from two reads of a server's Prometheus page."""

import dataclasses
import re
from collections.abc import Mapping

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from torchferry.benchmarks.load.measurement import Measurement, with_stages
from torchferry.errors import UserError

OURS = re.compile(r"torchferry_serve_(?P<stage>\w+)_duration_seconds_sum")
ELEMENTS, PADDING = "torchferry_serve_elements", "torchferry_serve_padding_elements"
MODEL_LABELS = ("model", "model_name")
Sums = Mapping[str, float]
"""Every sample of the page by name, added up over its labels, for one model where they name models."""


class ServerMetrics:
    def __init__(self, url: str, model: str) -> None:
        """Takes a first look. Raises UserError if nobody answers or it is no such page."""
        self.url, self.model, self.before = url, model, read_sums(url, model)

    def explain(self, result: Measurement) -> Measurement:
        """The result, with the stages of the requests since the last look; those of before the run are left out."""
        now = read_sums(self.url, self.model)
        passed = {name: value - self.before.get(name, 0) for name, value in now.items()}
        result = dataclasses.replace(result, padding_share=_padding_share(passed))
        for stages in (_ours, _triton, _torchserve):
            if found := stages(passed):
                return with_stages(result, found)
        return dataclasses.replace(result, stages_ms={})


def read_sums(url: str, model: str) -> dict[str, float]:
    try:
        answer = urllib3.request("GET", url, timeout=10, retries=False)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise UserError(f"--metrics: {url} gives no answer ({type(error).__name__})") from error
    sums: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(answer.data.decode()):
            for sample in family.samples:
                named = next((sample.labels[label] for label in MODEL_LABELS if label in sample.labels), model)
                if named == model:
                    sums[sample.name] = sums.get(sample.name, 0) + sample.value
    except (ValueError, KeyError) as error:
        raise UserError(f"--metrics: {url} is no Prometheus page") from error
    if answer.status != 200 or not sums:
        raise UserError(f"--metrics: {url} is no Prometheus page (status {answer.status})")
    return sums


def resident_bytes(sums: Sums) -> float | None:
    return sums.get("process_resident_memory_bytes")


def _padding_share(passed: Sums) -> float | None:
    own, padding = (passed.get(f"{name}_total", 0.0) for name in (ELEMENTS, PADDING))
    return padding / (own + padding) if own else None


def _ours(passed: Sums) -> dict[str, float]:
    found = {}
    for name, total in passed.items():
        match = OURS.fullmatch(name)
        count = passed.get(f"{name.removesuffix('_sum')}_count", 0)
        if match and match["stage"] != "request" and count:
            found[match["stage"].replace("_", " ")] = 1000 * total / count
    return found


def _triton(passed: Sums) -> dict[str, float]:
    count = passed.get("nv_inference_request_success_total", passed.get("nv_inference_request_success", 0))
    stages = ("queue", "compute_input", "compute_infer", "compute_output")
    return _means(passed, count, {stage: f"nv_inference_{stage}_duration_us" for stage in stages})


def _torchserve(passed: Sums) -> dict[str, float]:
    count = passed.get("ts_inference_requests_total", 0)
    names = {"queue": "ts_queue_latency_microseconds", "inference": "ts_inference_latency_microseconds"}
    means = _means(passed, count, names)
    if means:
        means["inference"] -= means["queue"]  # TorchServe counts from the request's arrival
    return means


def _means(passed: Sums, count: float, names: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds of each stage from counters of microseconds; none if nothing was counted."""
    found = {stage: passed.get(f"{name}_total", passed.get(name)) for stage, name in names.items()}
    if not count or None in found.values():
        return {}
    return {stage.replace("_", " "): (total or 0) / count / 1000 for stage, total in found.items()}
