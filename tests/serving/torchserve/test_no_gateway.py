"""Without a gateway the same calls are made, of something that does nothing."""

import inspect
from collections.abc import Callable

from torchferry.serving.torchserve.gateway import Before
from torchferry.serving.torchserve.no_gateway import NoGateway


def calls(of: type) -> dict[str, Callable[..., object]]:
    return {name: call for name, call in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


def test_every_call_of_a_gateway_can_be_made() -> None:
    wanted = calls(Before)
    assert "drain" in wanted
    assert {name: inspect.signature(call) for name, call in calls(NoGateway).items()} == {
        name: inspect.signature(call) for name, call in wanted.items()
    }


def test_a_drain_waits_for_nothing() -> None:
    def stopped() -> bool:
        raise AssertionError("it waits")

    gateway = NoGateway()
    gateway.start()
    gateway.check_running()
    gateway.drain(3600, stopped)
    gateway.stop()
