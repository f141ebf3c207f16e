"""The trainer: `torchrun --standalone --nproc-per-node 2 -m training --config training/recipes/digits.yaml`."""
