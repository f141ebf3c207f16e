"""A server whose latency is known, because the test decides it. It speaks TorchServe's /predictions, the Open
Inference Protocol with JSON, with binary tensors and over gRPC, and its only model is called planted.

Every request takes the next of the planted delays. It prints its two ports, and at SIGTERM the seconds that each
request really took in it.
"""

import argparse
import json
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc as services

parser = argparse.ArgumentParser()
parser.add_argument("--delays", type=Path, help="a number of seconds on each line; 0 when they are used up")
parser.add_argument("--stall", type=float, nargs=2, default=(0, 0), metavar=("AT", "SECONDS"))
parser.add_argument("--serial", action="store_true", help="one request at a time")
parser.add_argument("--leak", type=int, default=0, help="bytes that each request leaves behind")
parser.add_argument("--fail-every", type=int, default=0, help="each so many requests, one is answered with 503")
options = parser.parse_args()

INPUT = {"name": "row", "datatype": "FP32", "shape": [-1, 4]}
delays = iter([float(line) for line in options.delays.read_text().split()] if options.delays else ())
lock, turn = threading.Lock(), threading.Lock() if options.serial else nullcontext()
took: list[float] = []
first: list[float] = []
leaked: list[bytes] = []


def wait(came: float) -> bool:
    """As long as it is planted; whether the request is to succeed."""
    with lock:
        first.append(came)
        delay, number = next(delays, 0.0), len(first)
        leaked.append(b"x" * options.leak)
    with turn:
        start = time.perf_counter() if options.serial else came
        at, stall = options.stall
        over = first[0] + at + stall
        until = max(start + delay, over) if over - stall <= came < over else start + delay
        time.sleep(max(0, until - time.perf_counter()))
    took.append(time.perf_counter() - came)
    return not options.fail_every or number % options.fail_every != 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/v2/models/planted":
            self.answer(200, {"name": "planted", "inputs": [INPUT], "outputs": []})
        elif self.path == "/v2":
            self.answer(200, {"name": "planted-server", "version": "1"})
        elif self.path == "/asked":
            self.answer(200, {"requests": len(first)})
        else:
            self.answer(404, {"error": f"no {self.path}"})

    def do_POST(self) -> None:
        came = time.perf_counter()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v2/models/planted/infer":
            head = json.loads(body[: int(self.headers.get("Inference-Header-Content-Length", len(body)))])
            (given,) = head["inputs"]
            if given["datatype"] != INPUT["datatype"] or given["shape"][1:] != INPUT["shape"][1:]:
                self.answer(400, {"error": "wrong input"})
                return
        elif self.path != "/predictions/planted":
            self.answer(404, {"error": f"no {self.path}"})
            return
        self.answer(200 if wait(came) else 503, {})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Server-Timing", "inference;dur=2.5, queue;dur=0.5")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Servicer(services.GRPCInferenceServiceServicer):  # type: ignore[misc]
    def ServerMetadata(self, *_: Any) -> Any:
        return messages.ServerMetadataResponse(name="planted-server", version="1")

    def ModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.name != "planted":
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.name}")
        return messages.ModelMetadataResponse(name="planted", inputs=[INPUT])

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:
        came = time.perf_counter()
        assert np.frombuffer(request.raw_input_contents[0], np.float32).size % 4 == 0
        if not wait(came):
            context.abort(grpc.StatusCode.UNAVAILABLE, "planted")
        return messages.ModelInferResponse(model_name="planted")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, *_: object) -> None: ...  # clients may leave


def finish(*_: object) -> None:
    print(json.dumps(took), flush=True)
    sys.exit()


signal.signal(signal.SIGTERM, finish)
server = Server(("127.0.0.1", 0), Handler)
rpc = grpc.server(ThreadPoolExecutor(256))
services.add_GRPCInferenceServiceServicer_to_server(Servicer(), rpc)
grpc_port = rpc.add_insecure_port("127.0.0.1:0")
rpc.start()
print(server.server_address[1], grpc_port, flush=True)
server.serve_forever()
