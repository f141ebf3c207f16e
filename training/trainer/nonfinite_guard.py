"""Optimizer steps whose gradients are not finite: left out, counted, and without a trace in the network."""

import torch
from torch import nn


class NonFiniteGuard:
    """Counts on the device, so that the host waits for no step where the optimizer can leave one out by itself."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        self.network, self.optimizer = network, optimizer
        # Fused optimizers read `found_inf` on the device; on the CPU bool(finite) waits for nothing.
        self.decides_on_device = device.type != "cpu" and bool(optimizer.defaults.get("fused"))
        self.skipped = torch.zeros(3, dtype=torch.int64, device=device)
        """Steps left out: in all, in a row, and the longest row. Part of a checkpoint."""
        self.buffers: list[torch.Tensor] = []

    def step_begins(self) -> None:
        """Keep what the forward pass changes beside the gradients, such as BatchNorm's statistics."""
        self.buffers = [buffer.clone() for buffer in self.network.buffers()]

    def allows(self, norm: torch.Tensor) -> bool:
        """Whether to call the optimizer, given the gradients' `norm`. They were summed over the ranks, so all of them
        decide alike."""
        finite = norm.isfinite()
        self.skipped[:2] += ~finite
        self.skipped[1] *= ~finite
        self.skipped[2] = torch.maximum(self.skipped[1], self.skipped[2])
        # Always, by torch.where: an `if` would wait for the device.
        for buffer, before in zip(self.network.buffers(), self.buffers, strict=True):
            buffer.copy_(torch.where(finite, buffer, before))
        if self.decides_on_device:
            self.optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]  # what GradScaler sets
            return True
        return bool(finite)
