"""One JSON line on stderr for a sampled share of the requests, and for each that the server is to blame for."""

import json
import random
import sys
import time

from serving.onnx_server.telemetry.visit import Visit


class AccessLog:
    def __init__(self, share: float) -> None:
        """`share`: of the requests, 0 to 1."""
        self.share = share

    def finished(self, visit: Visit, outcome: str, detail: str) -> None:
        if outcome != "server_error" and (not self.share or random.random() >= self.share):
            return
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "protocol": visit.protocol,
            "model": visit.model.name if visit.model else None,
            "version": visit.model.version if visit.model else None,
            "outcome": outcome,
            "milliseconds": round(1000 * (time.monotonic() - visit.started), 3),
            "stages_ms": {stage: round(1000 * seconds, 3) for stage, seconds in visit.stages().items()},
            "request_id": visit.request_id or None,
            "trace_id": visit.trace.trace_id if visit.trace else None,
            "detail": detail or None,
        }
        print(json.dumps(line), file=sys.stderr, flush=True)
