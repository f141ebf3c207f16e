"""Open Inference Protocol over REST, with JSON numbers or with binary tensors."""

from collections.abc import Sequence

from torchferry.benchmarks.load.http_probe import Probe, request_bytes
from torchferry.benchmarks.load.inputs import Inputs, random_inputs, read_inputs
from torchferry.benchmarks.load.oip import binary_body, json_body, parse_metadata
from torchferry.benchmarks.load.target import Asked, Target
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec


def json_target(asked: Asked) -> Target:
    headers = {"Content-Type": "application/json"}
    return _target(asked, "rest", [(json_body(inputs), headers) for inputs in _inputs(asked)])


def binary_target(asked: Asked) -> Target:
    requests = []
    for inputs in _inputs(asked):
        body, length = binary_body(inputs)
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(length)}
        requests.append((body, headers))
    return _target(asked, "rest-binary", requests)


def read_metadata(probe: Probe, asked: Asked) -> list[TensorSpec] | None:
    """The model's inputs; None if the server does not say them."""
    content = probe.get(_path(asked))
    try:
        return parse_metadata(content) if content else None
    except (KeyError, TypeError, ValueError):
        return None


def server_name(probe: Probe) -> str | None:
    content = probe.get("/v2") or {}
    return f"{content['name']} {content.get('version', '')}".strip() if "name" in content else None


def _inputs(asked: Asked) -> list[Inputs]:
    specs = read_metadata(Probe(asked.endpoint, asked.timeout), asked)
    if not specs:
        raise UserError(
            f"{asked.endpoint.url}: has no metadata at {_path(asked)}; is there such a model, and does the server "
            "speak the Open Inference Protocol? TorchServe takes --protocol predictions"
        )
    return read_inputs(asked.input, specs, asked.batch) if asked.input else random_inputs(specs, asked.batch)


def _target(asked: Asked, protocol: str, requests: Sequence[tuple[bytes, dict[str, str]]]) -> Target:
    probe, path = Probe(asked.endpoint, asked.timeout), f"{_path(asked)}/infer"
    body, headers = requests[0]
    return Target(
        endpoint=asked.endpoint,
        model=asked.model,
        protocol=protocol,
        method=None,
        answer_bytes=len(probe.post(path, body, headers)),
        requests=[request_bytes(asked.endpoint, path, body, headers) for body, headers in requests],
        payload_bytes=round(sum(len(body) for body, _ in requests) / len(requests)),
        batch=asked.batch,
        server=server_name(probe),
    )


def _path(asked: Asked) -> str:
    return f"/v2/models/{asked.model}" + (f"/versions/{asked.version}" if asked.version else "")
