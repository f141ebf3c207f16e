"""The response cache: off unless asked for, exact, and bounded."""

from collections.abc import Mapping

import numpy as np

from tests.serving.onnx_server.asking import arrays as outputs
from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.telemetry.scraping import value
from torchferry.serving.onnx_server.models.response_cache import ENTRY, ResponseCache

INFER = "/v2/models/digits/infer"


def image(pixel: int) -> dict[str, object]:
    return {"inputs": [tensor("image", np.full((1, 1, 8, 8), pixel, np.uint8))]}


def found(addresses: Mapping[str, str]) -> dict[str, float]:
    labels = {"model": "digits", "version": "1.0"}
    return {result: value(addresses, "cache_requests_total", **labels, result=result) for result in ("hit", "miss")}


def test_a_request_that_comes_again_is_answered_from_the_cache(start_server: StartServer) -> None:
    addresses = start_server(options=("--cache-bytes", 1_000_000)).wait_ready()
    first, again, other = (outputs(ask(addresses["rest"], INFER, image(pixel))) for pixel in (1, 1, 2))
    assert found(addresses) == {"hit": 1, "miss": 2}
    np.testing.assert_array_equal(first["probabilities"], again["probabilities"])
    assert not np.array_equal(first["probabilities"], other["probabilities"])


def test_without_the_option_everything_is_computed(served: dict[str, str]) -> None:
    for _ in range(2):
        assert ask(served["rest"], INFER, image(1)).status == 200
    assert found(served) == {"hit": 0, "miss": 0}


def test_the_least_recently_asked_goes_first_and_the_bytes_stay_bounded() -> None:
    cache = ResponseCache(3 * (ENTRY + 8))
    keys = []
    for number in range(4):
        key, nothing = cache.find({"x": np.array([number])})
        assert nothing is None
        cache.keep(key, {"y": np.array([float(number)])})
        keys.append(key)
        cache.find({"x": np.array([0])})  # is asked again and again, and stays
    assert cache.bytes <= cache.limit
    assert list(cache.entries) == [keys[2], keys[3], keys[0]]


def test_what_differs_only_in_shape_or_name_is_another_request() -> None:
    cache, values = ResponseCache(10_000), np.arange(4)
    inputs: list[dict[str, np.ndarray]] = [
        {"x": values},
        {"x": values.reshape(2, 2)},
        {"y": values},
        {"x": values[::-1]},
    ]
    assert len({cache.find(given)[0] for given in inputs}) == len(inputs)


def test_an_answer_larger_than_the_cache_is_not_kept() -> None:
    cache = ResponseCache(100)
    key, _ = cache.find({"x": np.zeros(1)})
    cache.keep(key, {"y": np.zeros(1000)})
    assert not cache.entries
    assert not cache.bytes


def test_a_kept_answer_does_not_hold_its_batch() -> None:
    cache, batch = ResponseCache(10_000), np.zeros((1000, 2))
    key, _ = cache.find({"x": np.zeros(1)})
    cache.keep(key, {"y": batch[:1]})
    kept = cache.find({"x": np.zeros(1)})[1]
    assert kept is not None
    assert kept["y"].base is None
