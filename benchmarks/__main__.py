"""`python -m benchmarks <verb>`."""

import sys

from serving.cli.verbs import run

VERBS = {
    "demo": ("benchmarks.demo", "the whole path once: train, export, archive, serve, predict, measure"),
    "latency": ("benchmarks.latency", "p50 to p99.9 of one model of a running server, at a set rate"),
    "sweep": ("benchmarks.sweep", "its latency against the offered rate, up to saturation"),
    "slo": ("benchmarks.slo", "the highest rate that keeps a limit of p99"),
    "soak": ("benchmarks.soak", "what drifts in a long run: latency, memory"),
    "tune": ("benchmarks.tune.tune_command", "the server settings with the highest rate within a limit of p99"),
    "servers": ("benchmarks.servers.servers_command", "our servers beside others, the same model behind each"),
    "compare": ("benchmarks.compare", "two results, or two commits in turn: faster, slower or no difference"),
    "report": ("benchmarks.report.report_command", "one page of runs, bundles and results, to read and to print"),
    "training": (
        "benchmarks.training.throughput",
        "our trainer's throughput beside a bare loop's, Lightning Fabric's, accelerate's",
    ),
    "scaling": ("benchmarks.training.scaling", "our trainer and a bare loop at 1 to N processes"),
    "checkpoint": ("benchmarks.training.checkpoint", "what a save costs, and a worker's death"),
}

if __name__ == "__main__":
    sys.exit(run("benchmarks", VERBS, sys.argv[1:]))
