"""`python -m benchmarks <verb>`, as before there was a command: forwards to `torchferry bench <verb>`."""

import sys

from torchferry.command import main

if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(words if words[:1] in (["demo"], ["report"]) else ["bench", *words]))
