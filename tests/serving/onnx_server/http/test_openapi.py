"""/openapi.json against the server that it describes."""

import subprocess
import sys
from pathlib import Path

from tests.serving.onnx_server.asking import ask
from torchferry.serving.onnx_server.http.errors import CODES

EXAMPLES = 15
"""For each operation; beside them schemathesis makes some hundred from the schemas' edges."""
# Which requests are right is more than JSON Schema can say: as many numbers as the shape has, bytes of an image.
NOT_CHECKED = "positive_data_acceptance"


def test_it_names_what_is_there(several: dict[str, str]) -> None:
    described = ask(several["rest"], "/openapi.json").json
    assert described["openapi"].startswith("3.1")
    assert described["components"]["schemas"]["Error"]["properties"]["code"]["enum"] == [*dict.fromkeys(CODES)]
    for name in ("digits", "mirror", "table", "typed"):
        paths = {path for path in described["paths"] if f"/{name}" in path}
        bases = (f"/v2/models/{name}", f"/v2/models/{name}/versions/1.0")
        calls = ("", "/ready", "/config", "/stats", "/infer")
        assert paths == {f"/predictions/{name}", *(base + call for base in bases for call in calls)}
    for path, item in described["paths"].items():
        for method, operation in item.items():
            status = ask(several["rest"], path, method=method.upper()).status
            assert str(status) in operation["responses"], path
            assert status not in (404, 405), path


def test_it_is_kept(served: dict[str, str], tmp_path: Path) -> None:
    """Thousands of requests, right and wrong ones, and each answer is one that the description has."""
    schemathesis = Path(sys.executable).with_name("schemathesis")
    command = [str(schemathesis), "run", f"{served['rest']}/openapi.json", "--checks", "all"]
    command += ["--exclude-checks", NOT_CHECKED, "--max-examples", str(EXAMPLES), "--seed", "0", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
