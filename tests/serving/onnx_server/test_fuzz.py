"""Thousands of requests that are almost right; the ONNX Runtime server minds none of them."""

from pathlib import Path

from tests.serving.fuzzing import FAULTS, GRPC_FAULTS, assert_right, count_of, fuzz, where_of
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import in_loop, outcomes, resident_mib

COUNT = count_of(15_000)
MIB = 32
"""By how much the server's memory may grow after the first tenth."""


@in_loop
async def test_malformed_requests_are_refused_and_leave_nothing_behind(start_server: StartServer, bundle: Path) -> None:
    server = start_server()
    addresses = server.wait_ready()
    where = where_of(addresses, bundle, "digits")
    found = await fuzz(where, COUNT, lambda: {"server": resident_mib(server)})
    assert not FAULTS & (set(found.statuses) | set(found.streams))
    assert set(found.statuses) == {"200", "400", "404", "405", "413", "415", "422"}  # all answered, and in JSON
    assert {"200", "400", "404", "431", "501"} <= set(found.streams)
    assert set(found.codes) <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"}
    assert not GRPC_FAULTS & set(found.codes)
    assert found.sent() > 0.8 * COUNT
    before, after = found.memory["server"]
    assert after < before + MIB
    assert outcomes(addresses["metrics"])["server_error"] == 0
    assert server.process.poll() is None
    assert len(server.log.read_text().splitlines()) < 30  # nobody can fill the log
    assert_right(addresses, bundle, "digits")
