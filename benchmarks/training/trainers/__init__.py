"""The same training in other hands, and what all of them train: the only benchmarks that run inside torchrun."""
