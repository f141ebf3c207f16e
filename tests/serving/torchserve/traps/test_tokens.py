"""Tokens, and who needs none."""

import json
import shutil
from pathlib import Path

import pytest

from tests.serving.torchserve.traps.sides import (
    AnyServer,
    Start,
    get,
    trap,
)

TOKEN = "chosen-by-us"
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture(scope="class")
def guarded(start: Start, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> AnyServer:
    """Stock's has no model, which answers would need its keys for."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "tokens").write_text(f"somebody {TOKEN}\n")
    key = {"key": TOKEN, "expiration time": "2999-01-01T00:00:00Z"}
    (folder / "key_file.json").write_text(json.dumps(dict.fromkeys(("inference", "management", "API"), key)))
    archives = [start.archive(bundle)] if start.side == "ours" else []
    options = ("--gateway", "nginx", "--tokens", folder / "tokens")
    return start.ready(*archives, options=options, settings={}, folder=folder)


@needs_nginx
class TestTokens:
    @trap("/ping without a token is 400")
    def test_a_probe_needs_none(self, guarded: AnyServer) -> None:
        assert get(guarded, "ready")[0] == 200

    @trap("they are random, and a file that is there is overwritten")
    def test_they_are_those_of_a_file(self, guarded: AnyServer) -> None:
        assert get(guarded, "ping", {"Authorization": f"Bearer {TOKEN}"})[0] == 200

    @trap("the page is empty: metrics go to a log")
    def test_metrics_are_on_their_page(self, guarded: AnyServer) -> None:
        status, page = get(guarded, "metrics")
        assert (status, page != "") == (200, True)
