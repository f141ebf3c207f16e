"""An InferenceService for KServe, which serves the Triton repository of a bundle from where it was put."""

from pathlib import Path

import yaml

from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.export.formats.triton_variants import triton_variants
from torchferry.whole_folder import whole_folder


def write_kserve(bundle: Bundle, storage_uri: str, output: Path) -> Path:
    """Write `inference-service.yaml` into the folder `output`. `storage_uri` is what KServe mounts, such as
    s3://models/digits, and holds what --format triton wrote. Raises UserError for a bundle of which that writes
    nothing."""
    triton_variants(bundle)
    if "://" not in storage_uri:
        raise UserError(
            f"--storage-uri: {storage_uri} is no URI, such as s3://models/{bundle.name} or pvc://claim/path"
        )
    with whole_folder(output) as folder:
        (folder / "inference-service.yaml").write_text(yaml.safe_dump(manifest(bundle, storage_uri), sort_keys=False))
    return output / "inference-service.yaml"


def manifest(bundle: Bundle, storage_uri: str) -> dict[str, object]:
    model = {
        "modelFormat": {"name": "onnx"},
        "protocolVersion": "v2",
        "runtime": "kserve-tritonserver",
        "storageUri": storage_uri,
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            # Kubernetes' names have no capitals, dots or underscores.
            "name": "".join(letter if letter.isalnum() else "-" for letter in bundle.name.lower()).strip("-"),
            "labels": {"app.kubernetes.io/name": bundle.name, "app.kubernetes.io/version": bundle.version},
        },
        "spec": {"predictor": {"model": model}},
    }
