"""`python -m benchmarks <verb>`."""

import sys

from serving.verbs import run

VERBS = {
    "demo": ("benchmarks.demo", "the whole path once: train, export, archive, serve, predict, measure"),
    "latency": ("benchmarks.latency", "p50 to p99.9 of one model of a running server, at a set rate"),
}

if __name__ == "__main__":
    sys.exit(run("benchmarks", VERBS, sys.argv[1:]))
