"""From `torchrun` to a measured, monitored endpoint: `torchferry train`, `export`, `up`, `predict`.

`training`, `serving` and `benchmarks` in this folder are links to the folders at the top of the repository.
"""

__version__ = "0.1.0"
