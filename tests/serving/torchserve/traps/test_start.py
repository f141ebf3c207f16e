"""TorchServe's start: models that cannot be loaded, altered archives, no model, and old snapshots."""

import zipfile
from pathlib import Path

from tests.serving import altered
from tests.serving.torchserve.traps.sides import (
    ONE_WORKER,
    Start,
    has_ended,
    refuses,
    trap,
)
from tests.serving.torchserve.traps.stock import until


class TestAtItsStart:
    @trap("it is only logged, and /ping is healthy")
    def test_a_model_that_cannot_be_loaded_ends_it_with_the_reason(
        self, start: Start, bundle: Path, tmp_path: Path
    ) -> None:
        archive = start.archive(altered.unloadable(bundle, tmp_path, "1.0"), ONE_WORKER)
        server = start(archive)
        until(lambda: "InvalidProtobuf" in server.log.read_text())
        until(lambda: has_ended(server) or server.says_ready())
        assert server.process.poll() == 1

    @trap("it is served")
    def test_an_altered_archive_ends_it_with_the_reason(self, start: Start, bundle: Path) -> None:
        archive = start.archive(bundle, ONE_WORKER)
        flip_a_byte_of_the_graph(archive)
        server = start(archive)
        until(lambda: has_ended(server) or server.serves())
        assert (server.process.poll(), "model.onnx: is damaged" in server.log.read_text()) == (1, True)

    @trap("/ping is healthy with none")
    def test_no_model_ends_it(self, start: Start) -> None:
        server = start()
        until(lambda: has_ended(server) or server.says_ready())
        assert server.process.poll() == 2

    @trap("a snapshot of the first start decides")
    def test_a_second_start_has_its_own_settings(self, start: Start, bundle: Path, tmp_path: Path) -> None:
        archives = [start.archive(bundle)] if start.side == "ours" else []
        first = start.ready(*archives, folder=tmp_path)
        first.end()
        first.process.wait(60)
        second = start(*archives, folder=tmp_path)
        until(lambda: has_ended(second) or second.says_ready() or not refuses(first))
        assert refuses(first)


def flip_a_byte_of_the_graph(archive: Path) -> None:
    with zipfile.ZipFile(archive) as original:
        members = {name: bytearray(original.read(name)) for name in original.namelist()}
    [graph] = [content for name, content in members.items() if name.endswith(".onnx")]
    graph[len(graph) // 2] ^= 1
    with zipfile.ZipFile(archive, "w") as changed:
        for name, content in members.items():
            changed.writestr(name, bytes(content))
