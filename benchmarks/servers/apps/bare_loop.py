"""session.run in a loop, one sample at a time: no server around this model can be quicker.

`python bare_loop.py MODEL.onnx THREADS LOOPS SAMPLES GOLDEN.npz` prints its outputs for the golden inputs, and for
each line on stdin, which is a number of seconds, the outcome of so many loops of that length, at once and on one
session; both as a line of JSON.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime


def main(model: str, threads: str, loops: str, samples: str, golden: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    requests = [dict(np.load(file)) for file in sorted(Path(samples).iterdir())]
    answer = zip(names, session.run(names, dict(np.load(golden))), strict=True)
    print(json.dumps({name: values.tolist() for name, values in answer}), flush=True)
    with ThreadPoolExecutor(int(loops)) as pool:
        for line in sys.stdin:
            running = [pool.submit(loop, session, names, requests, float(line)) for _ in range(int(loops))]
            print(json.dumps(figures([one.result() for one in running])), flush=True)


def loop(
    session: onnxruntime.InferenceSession, names: list[str], requests: list[dict[str, np.ndarray]], seconds: float
) -> list[float]:
    """Seconds of each call."""
    took: list[float] = []
    start = now = time.perf_counter()
    while now < start + seconds:
        session.run(names, requests[len(took) % len(requests)])
        before, now = now, time.perf_counter()
        took.append(now - before)
    return took


def figures(loops: list[list[float]]) -> dict[str, float]:
    p50, p99 = (np.percentile(np.concatenate(loops), [50, 99]) * 1000).tolist()
    rate = sum(len(took) / sum(took) for took in loops)
    return {"p50_ms": p50, "p99_ms": p99, "rate": rate, "requests": sum(map(len, loops))}


if __name__ == "__main__":
    main(*sys.argv[1:])
