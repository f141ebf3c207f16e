"""HTTP that is not quite HTTP."""

from random import Random

import h11

from torchferry.benchmarks.hostile.malformed.heads import SMUGGLED, altered
from torchferry.benchmarks.hostile.valid import Request

REQUEST = Request(path="/predictions/digits", body=b"0123456789", headers={"Content-Type": "image/png"})


def streams() -> list[bytes]:
    random = Random(0)
    return [altered(random, REQUEST) for _ in range(600)]


def test_the_same_seed_makes_the_same() -> None:
    assert streams() == streams()


def test_all_kinds_are_made() -> None:
    made = streams()
    kinds = {
        "another request in it": any(SMUGGLED in stream for stream in made),
        "chunks": any(b"Transfer-Encoding: chunked" in stream for stream in made),
        "another method": any(stream.startswith(b"TRACE /predictions/digits ") for stream in made),
        "another target": any(b" http://evil.example/v2 " in stream for stream in made),
        "another version": any(b" HTTP/0.9\r\n" in stream for stream in made),
        "a long name": any(len(stream) > 70_000 for stream in made),
        "several": any(stream.count(b"POST /predictions") > 2 for stream in made),
        "a cut one": any(REQUEST.raw().startswith(stream) for stream in made),
    }
    assert [kind for kind, there in kinds.items() if not there] == []


def test_another_parser_refuses_some_and_takes_some() -> None:
    refused = sum(map(is_refused, made := streams()))
    assert 100 < refused < len(made) - 100


def is_refused(stream: bytes) -> bool:
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(stream)
        while connection.next_event() not in (h11.NEED_DATA, h11.PAUSED):
            pass
    except h11.RemoteProtocolError:
        return True
    return False
