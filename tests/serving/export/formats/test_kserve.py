"""KServe's manifest names the bundle and where its files lie, in the words of KServe's own schema."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.commands import ROOT
from tests.serving.tiny_bundle import described
from torchferry.errors import UserError
from torchferry.serving.export.formats.kserve import manifest, write_kserve

CRD = ROOT.parent / "shared" / "schemas" / "inferenceservice.serving.kserve.io_v1beta1.yaml"
WHERE = "s3://models/tiny"


def test_the_manifest_says_what_is_served_and_from_where(tmp_path: Path) -> None:
    file = write_kserve(described(), WHERE, tmp_path / "manifest")
    assert [path.name for path in (tmp_path / "manifest").iterdir()] == [file.name] == ["inference-service.yaml"]
    written = yaml.safe_load(file.read_text())
    assert written["kind"] == "InferenceService"
    assert written["metadata"]["labels"]["app.kubernetes.io/version"] == "1.0"
    model = written["spec"]["predictor"]["model"]
    assert (model["storageUri"], model["runtime"], model["protocolVersion"]) == (WHERE, "kserve-tritonserver", "v2")
    # KServe's own batcher would put requests together that Triton's configuration keeps apart.
    assert written["spec"]["predictor"].keys() == {"model"}


def test_the_manifest_fits_kserves_schema(tmp_path: Path) -> None:
    written = yaml.safe_load(write_kserve(described(), WHERE, tmp_path / "manifest").read_text())
    if not CRD.is_file():
        pytest.skip(f"{CRD.name} is not here")
    versions = yaml.load(CRD.read_text(), yaml.CSafeLoader)["spec"]["versions"]
    (schema,) = (version["schema"]["openAPIV3Schema"] for version in versions if version["name"] == "v1beta1")
    jsonschema.Draft202012Validator(schema).validate(written)  # unlike validate() it takes the schema for right


@pytest.mark.parametrize(
    ("name", "kubernetes"), [("ResNet18", "resnet18"), ("my_net.v2", "my-net-v2"), ("digits_", "digits")]
)
def test_a_name_is_made_one_that_kubernetes_takes(name: str, kubernetes: str) -> None:
    metadata = manifest(described(name=name), WHERE)["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["name"] == kubernetes


def test_a_place_that_is_no_uri_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    words = "--storage-uri: models is no URI, such as s3://models/tiny or pvc://claim/path"
    with pytest.raises(UserError, match=words):
        write_kserve(described(), "models", tmp_path / "x")
    assert not list(tmp_path.iterdir())
