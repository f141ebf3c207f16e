"""One line for each image, and every mistake with the file that it is about."""

import json
from pathlib import Path

import pytest

from tests.serving.peers import grpc_peer, http_peer
from torchferry.errors import UserError
from torchferry.serving.client import Refused
from torchferry.serving.predict import main

ANSWER = json.dumps({"label": "7", "probability": 0.98765, "top_k": []}).encode()


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text(name)
    return [str(tmp_path / name) for name in ("a.png", "b.png")]


def test_over_rest_there_is_a_line_for_each_image(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with http_peer() as peer:
        peer.content = ANSWER
        main([*images, "--model", "digits", "--port", str(peer.port)])
    assert capsys.readouterr().out.splitlines() == [f"7  0.9877  {image}" for image in images]
    assert [(path, body) for path, _, body in peer.seen] == [
        ("/predictions/digits", b"a.png"),
        ("/predictions/digits", b"b.png"),
    ]


def test_over_grpc_the_lines_are_the_same(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with grpc_peer() as peer:
        peer.content = ANSWER
        main([*images, "--model", "digits", "--grpc", "--grpc-port", str(peer.port), "--port", "1"])
    assert capsys.readouterr().out.splitlines() == [f"7  0.9877  {image}" for image in images]
    assert [request.input["data"] for request in peer.seen] == [b"a.png", b"b.png"]


def test_a_refusal_names_the_file(images: list[str]) -> None:
    with http_peer() as peer:
        peer.status, peer.content = 400, b'{"detail": "not an image"}'
        with pytest.raises(UserError, match=f"^{images[0]}: .*digits answered 400: not an image$") as refused:
            main([*images, "--model", "digits", "--port", str(peer.port)])
    assert not isinstance(refused.value, Refused)
    assert len(peer.seen) == 1


def test_a_file_that_cannot_be_read_is_named_before_anything_is_sent(images: list[str], tmp_path: Path) -> None:
    with http_peer() as peer:
        for wrong in (tmp_path / "missing.png", tmp_path):
            with pytest.raises(UserError, match=rf"^{wrong}: cannot be read \(.*\); give the path of an image file$"):
                main([*images, str(wrong), "--model", "digits", "--port", str(peer.port)])
    assert not peer.seen


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(UserError, match="required: --model"):
        main(["a.png"])
