"""A point of the search: one way to serve the model."""

from dataclasses import dataclass

Family = tuple[str, int, int]
Group = tuple[str, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Point:
    variant: str
    workers: int
    """Sessions of the ONNX Runtime server, or TorchServe's workers."""
    threads: int
    """Of each."""
    batch: int
    """Samples computed together at the most."""
    delay_ms: float
    """How long a request may wait for others."""

    @property
    def family(self) -> Family:
        """Points that differ in how requests become batches alone."""
        return self.variant, self.workers, self.threads

    @property
    def group(self) -> Group:
        """Points that differ in the delay alone."""
        return *self.family, self.batch

    def __str__(self) -> str:
        delay = f", {self.delay_ms:g} ms delay" if self.batch > 1 else ""
        return f"{self.variant}, {self.workers} x {self.threads} threads, batch {self.batch}{delay}"
