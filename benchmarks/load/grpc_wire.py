"""gRPC by grpc.aio; messages were serialized before the run."""

import asyncio

import grpc.aio

from torchferry.benchmarks.load.grpc_probe import OPTIONS, credentials, metadata
from torchferry.benchmarks.load.http_wire import OK, Done
from torchferry.benchmarks.load.target import Target

MOST_CHANNELS = 16  # each is a connection, on which many requests go at once


class GrpcWire:
    def __init__(self, target: Target, most: int, done: Done) -> None:
        self.target, self.done = target, done
        self.most, self.starved = min(most, MOST_CHANNELS), 0
        self.running: set[asyncio.Task[None]] = set()
        self.metadata = metadata(target.endpoint)

    async def start(self, connections: int) -> None:
        self.loop, endpoint = asyncio.get_running_loop(), self.target.endpoint
        self.channels = [
            grpc.aio.secure_channel(endpoint.authority, credentials(endpoint), OPTIONS)
            if endpoint.tls
            else grpc.aio.insecure_channel(endpoint.authority, OPTIONS)
            for _ in range(min(connections, self.most))
        ]
        self.calls = [channel.unary_unary(self.target.method) for channel in self.channels]
        await asyncio.gather(*(channel.channel_ready() for channel in self.channels))

    def send(self, number: int) -> None:
        task = self.loop.create_task(self._call(number))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def close(self) -> None:
        for task in self.running:
            task.cancel()
        for channel in self.channels:
            await channel.close()

    async def _call(self, number: int) -> None:
        requests = self.target.requests
        call = self.calls[number % len(self.calls)](requests[number % len(requests)], metadata=self.metadata)
        try:
            await call
            outcome, said = OK, await call.trailing_metadata()
        except grpc.aio.AioRpcError as error:
            outcome, said = error.code().name, None
        timing = next((value for key, value in said or () if key == "server-timing"), None)
        self.done(number, outcome, timing.encode() if timing else None)
