"""A port that changes what is served is asked by tools, under its own names, and not by pages in a browser there."""

from pathlib import Path

import pytest

from torchferry.serving.errors import Forbidden, NotAllowed, Overloaded, UnsupportedType
from torchferry.serving.net.admin_rule import AdminRule
from torchferry.serving.net.auth import Access

JSON = "application/json"


def test_its_own_names_are_let_pass_and_no_others() -> None:
    rule = AdminRule(Access(None), ["ours"])
    for host in ("localhost:8081", "ours"):
        rule.check_page(host, "")
        rule.check_page(host, f"http://{host}")
        for origin in ("http://evil.example", "null"):
            with pytest.raises(Forbidden, match=f"Origin is {origin}"):
                rule.check_page(host, origin)
    with pytest.raises(Forbidden, match=r"Host is evil.example; this port is for 127.0.0.1, localhost, ::1, ours"):
        rule.check_page("evil.example", "")


def test_a_change_is_json_which_no_page_sends_without_asking() -> None:
    rule = AdminRule(Access(None))
    for right in (JSON, "Application/JSON; charset=utf-8"):
        rule.check_change("POST", "", right)
    for wrong in ("text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", ""):
        for method in ("POST", "PUT", "DELETE"):
            with pytest.raises(UnsupportedType, match="send application/json"):
                rule.check_change(method, "", wrong)
        rule.check_change("GET", "", wrong)


def test_where_tokens_are_one_with_the_role_is_needed_or_our_own(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("ann s-ann\nbob s-bob 1 admin\n")
    rule = AdminRule(Access(tmp_path / "tokens", own_key="our-key"))
    for wrong in ("", "Bearer s-nobody", "our-key", "Basic our-key"):
        with pytest.raises(NotAllowed):
            rule.check_change("GET", wrong, JSON)
    with pytest.raises(Forbidden, match="'ann' has not the role admin"):
        rule.check_change("POST", "Bearer s-ann", JSON)
    rule.check_change("POST", "Bearer s-bob", JSON)
    rule.check_change("POST", "Bearer our-key", JSON)
    with pytest.raises(Overloaded):
        rule.check_change("POST", "Bearer s-bob", JSON)


def test_without_a_key_of_our_own_an_empty_token_is_none(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("bob s-bob admin\n")
    with pytest.raises(NotAllowed):
        AdminRule(Access(tmp_path / "tokens")).check_change("POST", "Bearer ", JSON)
