"""Requests that a web page makes a browser send are told from those of a program here."""

import pytest

from torchferry.serving.net.same_origin import why_foreign


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8081", "localhost:8081", "LOCALHOST", "localhost.", "[::1]:8081", "[0:0::1]"]
)
def test_a_program_of_this_machine_is_at_home(host: str) -> None:
    assert why_foreign(host, "") == ""
    assert why_foreign(host, f"http://{host}") == ""


@pytest.mark.parametrize(
    ("host", "origin", "words"),
    [
        ("evil.example", "", "Host is evil.example; this port is for"),
        ("127.0.0.1.evil.example:8081", "", "Host is 127.0.0.1.evil.example:8081"),
        ("", "", "Host is missing"),
        ("127.0.0.2", "", "Host is 127.0.0.2"),
        ("a@b", "", "Host is a@b"),
        ("[", "", "Host is ["),
        ("localhost:8081", "http://evil.example", "Origin is http://evil.example"),
        ("localhost:8081", "http://localhost:3000", "Origin is http://localhost:3000"),
        ("localhost:8081", "https://localhost:8081", "Origin is https://localhost:8081"),
        ("localhost:8081", "null", "Origin is null"),
    ],
)
def test_a_page_is_foreign_by_its_name_or_its_origin(host: str, origin: str, words: str) -> None:
    assert why_foreign(host, origin).startswith(words)


@pytest.mark.parametrize("host", ["ours.example", "OURS.example:8081", "[fd00::1]:8081"])
def test_a_name_that_was_added_is_at_home_too(host: str) -> None:
    assert why_foreign(host, "") != ""
    assert why_foreign(host, f"http://{host}", ["Ours.Example", "FD00:0::1"]) == ""
    assert why_foreign(host, "http://evil.example", ["ours.example", "fd00::1"]).startswith("Origin is http://evil")
