"""The management client where no TorchServe answers; `test_models.py` has a real one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.ports import free_port
from tests.serving.torchserve.exposed import exposed
from torchferry.errors import ServerFault, UserError
from torchferry.serving.torchserve.management import Management


@pytest.mark.parametrize(
    "asked",
    [
        lambda management: management.models(),
        lambda management: management.register("digits.mar"),
        lambda management: management.set_default("digits", "1.0"),
        lambda management: management.scale("digits", "1.0", 2),
        lambda management: management.unregister("digits", "1.0"),
    ],
)
def test_a_port_where_nobody_listens_is_named(asked: Callable[[Management], object]) -> None:
    port = free_port()
    words = rf"^http://127\.0\.0\.1:{port}: no answer \(NewConnectionError\); is a TorchServe of ours up there\?$"
    with pytest.raises(UserError, match=words):
        asked(Management.through(port, "key"))


def test_a_port_of_something_else_is_named() -> None:
    with exposed(CollectorRegistry()) as page:
        url = page.removesuffix("/metrics")
        management = Management.through(int(url.rpartition(":")[2]), "key")
        with pytest.raises(ServerFault, match=f"^{url}: answered 200 without JSON; is it TorchServe"):
            management.models()
        assert management.standing("digits") == []


def test_a_model_stands_nowhere_while_the_server_does_not_answer() -> None:
    assert Management.through(free_port(), "key").standing("digits") == []


def test_torchserves_own_is_behind_a_socket(tmp_path: Path) -> None:
    socket = tmp_path / "management"
    with pytest.raises(UserError, match=rf"^{socket}: no answer \(NewConnectionError\)"):
        Management.at(socket).models()
