"""One JSON line on stderr for a sampled share of the requests, and for each that the server is to blame for."""

import json
import random
import sys
import time

from torchferry.serving.onnx_server.request_context import RequestContext


class AccessLog:
    def __init__(self, share: float) -> None:
        """`share`: of the requests, 0 to 1."""
        self.share = share

    def finished(self, context: RequestContext, outcome: str, detail: str) -> None:
        if outcome != "server_error" and (not self.share or random.random() >= self.share):
            return
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "protocol": context.protocol,
            "model": context.model.name if context.model else None,
            "version": context.model.version if context.model else None,
            "outcome": outcome,
            "milliseconds": round(1000 * (time.monotonic() - context.started), 3),
            "stages_ms": {stage: round(1000 * seconds, 3) for stage, seconds in context.stages().items()},
            "request_id": context.request_id or None,
            "trace_id": context.trace.trace_id if context.trace else None,
            "detail": detail or None,
        }
        print(json.dumps(line), file=sys.stderr, flush=True)
