"""A JSON line for a sampled share of the requests, and for each that the server is to blame for."""

import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.onnx_server.request_context import STAGES, RequestContext

STDERR = Path("/dev/stderr")


class AccessLog:
    def __init__(self, path: Path | None, share: float = 1.0) -> None:
        """`share` of the requests, 0 to 1, goes to the file at `path`, and faults of the server with it; without a
        path only these are written, to stderr. Raises UserError for a file that cannot be written."""
        self.share = 0.0 if path is None else share
        # Opened a second time, a file behind stderr would be written over.
        self.path = None if path == STDERR else path
        try:
            self._write("")
        except OSError as error:
            raise UserError(f"--access-log: {path} cannot be written ({error.strerror})") from error

    def finished(self, context: RequestContext, outcome: str, detail: str) -> None:
        if outcome != "server_error" and (not self.share or random.random() >= self.share):
            return
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "protocol": context.protocol,
            "model": context.model.name if context.model else None,
            "version": context.model.version if context.model else None,
            "outcome": outcome,
            "milliseconds": round(1000 * context.seconds, 3),
            "stages_ms": {
                stage: round(1000 * seconds, 3) for stage, seconds in zip(STAGES, context.stages(), strict=False)
            },
            "request_id": context.request_id or None,
            "trace_id": context.trace.trace_id if context.trace else None,
            "detail": detail or None,
        }
        try:
            self._write(json.dumps(line) + "\n")
        except OSError as error:  # such as a full disk, which is no reason to fail a request
            with suppress(OSError):  # whoever read stderr may have gone too
                print(f"torchferry: --access-log: {self.path}: {error.strerror}", file=sys.stderr, flush=True)

    def _write(self, text: str) -> None:
        """The file is opened each time, so that whoever rotates it need not tell."""
        if self.path is None:
            print(text, end="", file=sys.stderr, flush=True)
        else:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
