"""Asks a gateway over both protocols, and reads its refusals."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
import urllib3

from torchferry.serving.codec import predictions_grpc
from torchferry.serving.torchserve.gateway import Gateway
from torchferry.serving.torchserve.settings import LOOPBACK

MODEL = "digits-onnx-fp32"
PATH = f"/predictions/{MODEL}"
SECRET = 'a"b$c.*{d}\\é'
Start = Callable[..., Gateway]


def before(addresses: Mapping[str, str]) -> dict[str, int]:
    """The upstream's ports, as Front calls them."""
    port = {
        name: int(addresses[name].removesuffix("/metrics").rpartition(":")[2]) for name in ("rest", "grpc", "metrics")
    }
    return {"upstream_port": port["rest"], "upstream_grpc_port": port["grpc"], "page_port": port["metrics"]}


def ask(
    gateway: Gateway, path: str = PATH, body: Any = b"x", headers: Mapping[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    where = f"http://{LOOPBACK}:{gateway.front.port}{path}"
    return urllib3.request("POST", where, body=body, headers=dict(headers or {}), retries=False)


def bearer(secret: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {secret}".encode().decode("latin-1")}


def code(gateway: Gateway, body: bytes = b"", secret: str = "", client: str = "") -> str:
    """gRPC's, of one call."""
    given = [("authorization", f"Bearer {secret}")] if secret else []
    given += [("x-forwarded-for", client)] if client else []
    with grpc.insecure_channel(f"{LOOPBACK}:{gateway.front.grpc_port}", [("grpc.enable_http_proxy", 0)]) as channel:
        request = predictions_grpc.Request(model_name=MODEL, input={"data": body})
        try:
            predictions_grpc.predictions(channel)(request, timeout=30, metadata=given)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def told(answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    """The status of a refusal, which is JSON with both its fields, and its phrase."""
    content = answer.json()
    assert set(content) == {"error", "code", "detail"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"]
    return answer.status, content["error"]
