"""`python -m serving <verb>`, as before there was a command: forwards to `torchferry <verb>`."""

import sys

from torchferry.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
