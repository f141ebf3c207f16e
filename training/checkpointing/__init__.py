"""Checkpoints: saved while training goes on, in a run folder or a store, and resumed from."""
