"""A port that cannot be listened on is refused before a server starts, by the name of its option."""

import socket
from collections.abc import Callable

import pytest

from torchferry.errors import UserError
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.ports import claim, claim_or_any, is_free

LOOPBACK = "127.0.0.1"
ELSEWHERE = "192.0.2.1"
"""Of no machine: RFC 5737 keeps it for examples."""

Take = Callable[[str, int, str], object]


class TakenAtFirst:
    """Holds the first three ports that it is asked about."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def __contains__(self, port: object) -> bool:
        if port != 0:
            self.asked.append(port)
        return 0 < len(self.asked) <= 3


def test_who_connects_to_a_listening_port_is_let_in() -> None:
    with listeners(LOOPBACK, 0, "--port")[0] as listener:
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as accepted:
            assert accepted.getpeername() == client.getsockname()
        assert not is_free(LOOPBACK, listener.getsockname()[1])


@pytest.mark.parametrize("take", [listeners, claim])
@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_refused(take: Take, port: int) -> None:
    with pytest.raises(UserError, match=f"^--port: {port} is not a port; give 0 to 65535$"):
        take(LOOPBACK, port, "--port")


@pytest.mark.parametrize("take", [listeners, claim])
def test_a_port_in_use_and_an_address_of_another_machine_are_refused(take: Take, free_port_in_use: int) -> None:
    for host, port, reason in ((LOOPBACK, free_port_in_use, "in use"), (ELSEWHERE, 0, "assign")):
        words = rf"^--grpc-port: cannot listen on {host}:{port} \(.*{reason}.*\); give another port, or 0 for a free"
        with pytest.raises(UserError, match=words):
            take(host, port, "--grpc-port")


def test_a_port_that_another_option_has_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--metrics-port: 8080 is another port of this server already"):
        claim(LOOPBACK, 8080, "--metrics-port", given=[8080])


def test_a_free_port_is_none_of_those_that_were_given() -> None:
    given = TakenAtFirst()
    assert claim(LOOPBACK, 0, "--port", given) == given.asked[3]


def test_a_free_port_is_found_where_the_usual_one_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        taken = listener.getsockname()[1]
        assert claim_or_any(LOOPBACK, taken) != taken
    assert claim_or_any(LOOPBACK, taken) == taken
    assert claim_or_any(LOOPBACK, taken, given=[taken]) != taken
