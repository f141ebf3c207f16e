"""`python -m torchferry <verb>`, which is `torchferry <verb>`."""

import sys

from torchferry.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
