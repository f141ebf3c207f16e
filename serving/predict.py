"""`torchferry predict IMAGE... --model M [--grpc]`: one line per image with label and probability."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.client import Client, GrpcClient, Refused, RestClient


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry predict", description=__doc__)
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="picture files")
    parser.add_argument("--model", required=True, help="a model of the server, such as digits-onnx-fp32")
    parser.add_argument("--host", default="127.0.0.1", help="the server's (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="its REST port (default 8080)")
    parser.add_argument("--grpc-port", type=int, default=7070, help="its gRPC port (default 7070)")
    parser.add_argument("--grpc", action="store_true", help="send over gRPC instead of REST")
    options = parser.parse_args(arguments)
    bodies = [(path, _read(path)) for path in options.images]
    with _client(options) as client:
        for path, body in bodies:
            try:
                answer = client.predict(options.model, body)
            except Refused as error:
                raise UserError(f"{path}: {error}") from error
            print(f"{answer['label']}  {answer['probability']:.4f}  {path}")


def _client(options: argparse.Namespace) -> Client:
    if options.grpc:
        return GrpcClient(f"{options.host}:{options.grpc_port}")
    return RestClient(f"http://{options.host}:{options.port}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of an image file") from error
