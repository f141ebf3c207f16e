"""The module that torchrun runs: `torchrun --standalone --nproc-per-node 2 -m torchferry.training --config R`.

Each process is `torchferry train`; `python -m training samples`, `fetch` and `render` forward to the verb of that name.
"""

import sys

from torchferry.command import main

if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(words if words[:1] in (["samples"], ["fetch"], ["render"]) else ["train", *words]))
