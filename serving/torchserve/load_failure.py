"""Why a version cannot be loaded: its handler leaves the reason in a file for those who wait for it."""

from pathlib import Path


class LoadFailure:
    def __init__(self, folder: Path, model: str, version: str, is_only: bool = True) -> None:
        """`is_only`: whether nobody waits for another version of the model."""
        self.files = [folder / f"{model}@{version}"]
        if is_only:  # handlers in archives made before 30 November 2026 name the model alone
            self.files.append(folder / model)

    def forget(self) -> None:
        """What an earlier try left."""
        for file in self.files:
            file.unlink(missing_ok=True)

    def reason(self) -> str:
        """Nothing if none was left."""
        return next((file.read_text() for file in self.files if file.exists()), "")
