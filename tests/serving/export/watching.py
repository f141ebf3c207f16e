"""A progress that keeps what it was told."""

from torchferry.serving.export.progress import Silent


class Watching(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.passes: list[list[int | None]] = []
        """Of each the samples that were expected, and then how many were read at a time."""

    def begins(self, name: str) -> None:
        self.says(f"{name} begins")

    def says(self, line: str) -> None:
        self.lines.append(line)

    def reads(self, samples: int | None) -> None:
        self.passes.append([samples])

    def has_read(self, samples: int) -> None:
        self.passes[-1].append(samples)
