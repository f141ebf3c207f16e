"""A path means one call, with its method, model and version, or nothing."""

import pytest

from torchferry.serving.onnx_server.http.routes import LONGEST, OPEN, route


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/v2/models/digits/infer", ("POST", "infer", "digits", "")),
        ("/v2/models/digits/versions/1.0/infer", ("POST", "infer", "digits", "1.0")),
        ("/predictions/digits", ("POST", "predict", "digits", "")),
        ("/predictions/digits/1.0", ("POST", "predict", "digits", "1.0")),
        ("/v2", ("GET", "server", "", "")),
        ("/v2/", ("GET", "server", "", "")),
        ("/v2/health/live", ("GET", "live", "", "")),
        ("/v2/health/ready", ("GET", "ready", "", "")),
        ("/ping", ("GET", "ping", "", "")),
        ("/openapi.json", ("GET", "openapi", "", "")),
        ("/v2/repository/index", ("POST", "index", "", "")),
        ("/v2/models/stats", ("GET", "statistics", "", "")),
        ("/v2/models/digits", ("GET", "metadata", "digits", "")),
        ("/v2/models/digits/ready", ("GET", "model_ready", "digits", "")),
        ("/v2/models/digits/config", ("GET", "configuration", "digits", "")),
        ("/v2/models/digits/stats", ("GET", "statistics", "digits", "")),
        ("/v2/models/digits/versions/1.0", ("GET", "metadata", "digits", "1.0")),
        ("/v2/models/digits/versions/1.0/ready", ("GET", "model_ready", "digits", "1.0")),
    ],
)
def test_a_path_of_the_protocol_is_a_call(path: str, call: tuple[str, str, str, str]) -> None:
    assert route(path) == call


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v3",
        "/V2",
        "/v2/health",
        "/v2/models",
        "/v2/models/digits/versions",
        "/v2/models/digits/nothing",
        "/v2/models/digits/ready/now",
        "/predictions",
        "/predictions/digits/1.0/more",
    ],
)
def test_any_other_path_has_no_name(path: str) -> None:
    assert route(path)[1] == ""


def test_a_path_too_long_to_be_kept_is_a_call_all_the_same() -> None:
    name = "a" * LONGEST
    assert route(f"/v2/models/{name}/infer") == ("POST", "infer", name, "")


def test_only_health_and_the_description_need_no_token() -> None:
    open_paths = ("/v2/health/live", "/v2/health/ready", "/ping", "/openapi.json")
    assert {route(path)[1] for path in open_paths} == OPEN
