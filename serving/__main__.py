"""`python -m serving <verb>`; each verb imports its own step only when it is chosen."""

import importlib
import signal
import sys

from serving.errors import GateError, ServerFault, UserError

VERBS = {
    "export": ("serving.export.command", "a run folder to a bundle of measured variants"),
    "archive": ("serving.torchserve.archive", "a bundle to a TorchServe archive per accepted variant"),
    "up": ("serving.up", "start a server and wait until every model answers"),
    "predict": ("serving.predict", "send images to a server and print what it says"),
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m serving <verb> ... (--help after a verb says more)\n")
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
        print(f"serving: {error}", file=sys.stderr)
        return 2
    except GateError as error:
        print(f"serving: {error}", file=sys.stderr)
        return 3
    except ServerFault as error:
        print(f"serving: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
