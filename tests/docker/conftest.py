"""One podman for the session, with the images that are asked for; all of it is removed at the end."""

import os
from collections.abc import Iterator

import pytest

from tests.docker.engine import Engine, missing


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if why := missing():
        pytest.skip(why)
    engine = Engine(tmp_path_factory.mktemp("podman"))
    try:
        engine.make_base()
        yield engine
    finally:
        engine.remove_everything()


def built(engine: Engine, name: str) -> str:
    """The image; the two with torch take minutes each and 20 GB of disk, so they are built for who asks for them."""
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
