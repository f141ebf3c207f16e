"""Reflection in both versions, of services in several descriptor pools."""

import grpc
import pytest
from grpc_health.v1 import health

from tests.serving.reflecting import files_of, reflect, services_of
from tests.serving.wire import in_loop
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.net.reflection import NAMES, add_reflection

OURS = (predictions_grpc.SERVICE, health.SERVICE_NAME)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_it_tells_of_services_and_of_itself(version: str) -> None:
    @in_loop
    async def check() -> None:
        import asyncio

        server = grpc.aio.server()
        add_reflection(OURS, server, predictions_grpc.POOL)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        await asyncio.to_thread(look, port)
        await server.stop(0)

    def look(port: int) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
            assert services_of(channel, version) == {*OURS, *NAMES}
            for name in (*OURS, *NAMES):
                [file] = files_of(channel, version, name)
                assert name in {f"{file.package}.{service.name}" for service in file.service}
            nothing = reflect(channel, version, file_containing_symbol="no.Such")
            assert nothing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]

    check()
