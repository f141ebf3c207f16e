"""One podman for the session, with the images that are asked for; all of it is removed at the end."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.engine import Engine, missing


@pytest.fixture(scope="session")
def engine(starts_container: None) -> Iterator[Engine]:
    if why := missing():
        pytest.skip(why)
    # Each engine has a store of its own, but the host has one set of bridges and of iptables' rules.
    with (Path(tempfile.gettempdir()) / "torchferry-test-podman.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another suite waits here until this one's containers are gone
        engine = Engine(Path(tempfile.mkdtemp(prefix="podman-")))  # podman takes no runroot of more than 50 letters
        try:
            engine.make_base()
            yield engine
        finally:
            engine.remove_everything()


def built(engine: Engine, name: str) -> str:
    """The image; the two with torch take minutes each and 40 GB of disk, so they are built for who asks for them."""
    if name in ("train", "torchserve") and os.environ.get("TORCHFERRY_TEST_IMAGES") != "all":
        pytest.skip("TORCHFERRY_TEST_IMAGES=all builds the images with torch as well")
    return engine.image(name)


@pytest.fixture(scope="session")
def onnx_server(engine: Engine) -> str:
    return built(engine, "onnx-server")


@pytest.fixture(scope="session")
def torchserve(engine: Engine) -> str:
    return built(engine, "torchserve")


@pytest.fixture(scope="session")
def train(engine: Engine) -> str:
    return built(engine, "train")
