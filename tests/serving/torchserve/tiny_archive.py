"""An archive made by hand within milliseconds."""

import json
import zipfile
from pathlib import Path

import yaml

from torchferry.serving.bundle.bundle import Bundle


def archived(
    folder: Path,
    name: str = "tiny-onnx-fp32",
    version: str = "1.0",
    workers: int = 1,
    bundle: Bundle | None = None,
    variant: str = "onnx-fp32",
) -> Path:
    """As `torchferry archive` lays it out, without the code; with the files of a bundle, if it is given."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.mar"
    with zipfile.ZipFile(path, "w") as mar:
        model = {"modelName": name, "modelVersion": version}
        mar.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": model}))
        mar.writestr("model-config.yaml", yaml.safe_dump({"minWorkers": workers, "torchferry": {"variant": variant}}))
        mar.writestr("handler.py", "")
        for file in ("model.json", *(bundle.files if bundle else ())):
            mar.writestr(file, (bundle.root / file).read_bytes() if bundle else b"")
    return path
