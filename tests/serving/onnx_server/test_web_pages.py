"""A page of another origin, in headless Chromium on the server's machine, changes nothing on the admin port."""

from pathlib import Path
from urllib.parse import urlsplit

from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.web_page import NAMES, needs_chromium, visit

MANAGED = "/v2/repository/models/digits"


@needs_chromium
def test_a_page_of_another_origin_changes_nothing(start_server: StartServer, tmp_path: Path) -> None:
    addresses = start_server().wait_ready()
    admin = addresses["admin"]
    before = ask(admin, f"{MANAGED}/channels").json
    port, calls = urlsplit(admin).port, ("rollback", "channels", "unload")
    visit([f"http://{name}:{port}{MANAGED}/{call}" for name in NAMES for call in calls], tmp_path)
    assert ask(admin, f"{MANAGED}/channels").json == before
    assert ask(addresses["rest"], "/v2/models/digits/ready").status == 200
