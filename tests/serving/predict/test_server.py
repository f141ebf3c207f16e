"""Questions to a server: in halves where they are refused together, and at an end where all would be."""

import json
from typing import Any

import pytest

from tests.serving.peers import LOOPBACK, http_peer
from tests.serving.predict.samples import picture, row
from torchferry.errors import ServerFault, UserError
from torchferry.serving.client import Client, Denied, Refused, RestClient, TooMany, Unavailable
from torchferry.serving.predict.answers import FILE, Unanswered
from torchferry.serving.predict.sample import Sample
from torchferry.serving.predict.server import TOGETHER, AskedServer


class Echo(Client):
    """Answers rows with themselves as labels; `wrong` is raised for a body in which there is a 9."""

    def __init__(self, wrong: Exception) -> None:
        super().__init__("nobody", 1)
        self.wrong, self.bodies = wrong, list[bytes]()

    def send(self, _: str, body: bytes, top_k: int | None = None) -> bytes:  # noqa: ARG002
        self.bodies.append(body)
        if b"9" in body:
            raise self.wrong
        answers: list[dict[str, Any]] = [{"label": line} for line in body.decode().splitlines()]
        return json.dumps({"model": "m", "predictions": answers}).encode()

    def step(self, model: str, inputs: Any, parameters: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        """There is nothing to close."""


def test_only_the_row_that_is_wrong_has_no_answer() -> None:
    client = Echo(Refused("nobody: m answered 422: nine"))
    asked = AskedServer(client, "m")
    answers = asked.ask([row(number, str(number)) for number in range(6, 12)])
    labels = [{"label": str(number)} for number in range(6, 12)]
    assert answers == [*labels[:3], Unanswered("nobody: m answered 422: nine"), *labels[4:]]
    assert client.bodies[0] == b"6\n7\n8\n9\n10\n11\n"


def test_a_servers_fault_is_marked() -> None:
    asked = AskedServer(Echo(ServerFault("500")), "m")
    assert asked.ask([row(1, "9")]) == [Unanswered("500", fault=True)]


@pytest.mark.parametrize(
    "wrong", [Denied("no such model"), TooMany("full"), Unavailable("503"), UserError("no answer")]
)
def test_what_holds_for_every_sample_is_raised(wrong: Exception) -> None:
    client = Echo(wrong)
    with pytest.raises(type(wrong)):
        AskedServer(client, "m").ask([row(1, "1"), row(2, "9")])
    assert len(client.bodies) == 1


def test_what_cannot_be_read_is_not_sent() -> None:
    client = Echo(Refused(""))
    asked = AskedServer(client, "m")
    assert asked.ask([Sample("gone.png", None, "file")]) == [Unanswered("cannot be read (No such file or directory)")]
    assert asked.ask([Sample("a", 2, "wrong", b"is not JSON")]) == [Unanswered("is not JSON")]
    assert client.bodies == []


def test_rows_go_together_and_files_alone() -> None:
    asked = AskedServer(Echo(Refused("")), "m")
    assert (asked.together(row(1)), asked.together(Sample("a.png", None, "file"))) == (TOGETHER, 1)
    assert asked.about == {"model": "m", "server": "nobody"}


def test_files_are_asked_for_one_by_one() -> None:
    with http_peer() as peer, RestClient(f"http://{LOOPBACK}:{peer.port}") as client:
        asked, peer.content = AskedServer(client, "roads", "png"), b"a mask"
        assert asked.together(row(1)) == 1
        assert asked.ask([Sample("-", None, "file", picture())]) == [{FILE: b"a mask"}]
        assert [path for path, _, _ in peer.seen] == ["/predictions/roads?form=png"]
