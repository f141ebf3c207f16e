"""`python -m benchmarks <verb>`."""

import importlib
import signal
import sys

from serving.errors import ServerFault, UserError

VERBS = {
    "demo": ("benchmarks.demo", "the whole path once: train, export, archive, serve, predict, measure"),
    "latency": ("benchmarks.latency", "p50 to p99.9 of one model of a running server, at a set rate"),
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m benchmarks <verb> ... (--help after a verb says more)\n")
        print("\n".join(f"  {verb:9} {purpose}" for verb, (_, purpose) in VERBS.items()))
        return 0 if arguments else 2
    # As Ctrl-C: what is half done is cleaned up on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    verb, *rest = arguments
    try:
        if verb not in VERBS:
            raise UserError(f"there is no verb '{verb}'; choose one of {', '.join(VERBS)}")
        importlib.import_module(VERBS[verb][0]).main(rest)
    except UserError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except ServerFault as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
