"""Runs `torchferry train` in each process that torchrun starts:
`torchrun --standalone --nproc-per-node 2 -m torchferry.training --config R`."""

import sys

from torchferry.command import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
