"""The file by which a server of ours says where it answers: nothing until it is there."""

import json
from pathlib import Path

from torchferry.benchmarks.servers.ready import addresses


def test_there_are_no_addresses_until_the_file_is_there(tmp_path: Path) -> None:
    assert addresses(tmp_path / "ready.json") is None


def test_addresses_are_what_the_file_says(tmp_path: Path) -> None:
    said = {"rest": "http://127.0.0.1:1", "grpc": "127.0.0.1:2"}
    (tmp_path / "ready.json").write_text(json.dumps(said))
    assert addresses(tmp_path / "ready.json") == said
