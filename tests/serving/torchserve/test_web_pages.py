"""A page of another origin, in headless Chromium on the server's machine, changes nothing at TorchServe's port."""

from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from tests.serving.web_page import NAMES, needs_chromium, visit

MODEL = "digits-onnx-fp32"


@needs_chromium
def test_a_page_of_another_origin_changes_nothing(addresses: dict[str, str], tmp_path: Path) -> None:
    management = addresses["management"]
    before = models(management)
    calls = (f"/models?url={MODEL}.mar&model_name=another", f"/models/{MODEL}?min_worker=0")
    visit([f"http://{name}:{urlsplit(management).port}{call}" for name in NAMES for call in calls], tmp_path)
    assert models(management) == before
    assert urllib3.request("GET", f"{management}/models/{MODEL}").json()[0]["workers"]


def models(management: str) -> object:
    return urllib3.request("GET", f"{management}/models").json()
