"""What --skip-broken leaves out is said wherever somebody looks for it, and the rest is served."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import urllib3

from tests.commands import run_command
from tests.server import Server
from torchferry.errors import UserError
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.torchserve.broken import Broken

GOOD, BAD = "digits-onnx-fp32", "other-onnx-fp32"


def test_what_is_not_skipped_is_raised() -> None:
    with pytest.raises(UserError, match="damaged"):
        Broken(skip=False).leave_out("m", "1", UserError("damaged"))


def test_the_first_line_of_what_is_skipped_is_said_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Broken(skip=True)
    broken.leave_out("m", "1", UserError("damaged\nwith a log"))
    assert broken.reasons == {("m", "1"): "damaged"}
    assert capsys.readouterr().err == "torchferry: damaged; it is skipped\n"
    broken.check_left(1)
    with pytest.raises(UserError, match="none of the models can be served"):
        broken.check_left(0)


def unloadable(archive: Path, target: Path) -> Path:
    """A whole archive, of another name, in which the graph is not the one that its model.json means."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("MANIFEST.json"):
                content = content.replace(GOOD.encode(), BAD.encode())
            copy.writestr(name, content[:-1] if name.endswith(".onnx") else content)
    return target


@pytest.fixture(scope="module")
def skipping(
    starts_server: None, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("skipping")
    damaged = folder / "damaged.mar"
    damaged.write_bytes((store / f"{GOOD}.mar").read_bytes()[:-100])
    given = (damaged, unloadable(store / f"{GOOD}.mar", folder / f"{BAD}.mar"), store / f"{GOOD}.mar")
    gateway = "nginx" if shutil.which("nginx") else "none"
    server = Server(*given, folder=folder, options=("--skip-broken", "--gateway", gateway))
    try:
        yield server, server.wait_ready()
    finally:
        server.stop()


def test_the_rest_is_served_and_the_broken_are_shown(skipping: tuple[Server, dict[str, str]], samples: Path) -> None:
    server, addresses = skipping
    said = [line for line in server.log.read_text().splitlines() if line.endswith("; it is skipped")]
    assert ["damaged.mar: is damaged, or not an archive" in said[0], BAD in said[1], len(said)] == [True, True, 2]
    image = next(samples.glob("*/*.png")).read_bytes()
    assert urllib3.request("POST", f"{addresses['rest']}/predictions/{GOOD}", body=image).status == 200
    page = urllib3.request("GET", addresses["metrics"]).data.decode()
    for name, version, value in (("damaged", "", "1.0"), (BAD, "1.0", "1.0"), (GOOD, "1.0", "0.0")):
        assert f'torchferry_serve_model_broken{{model="{name}",version="{version}"}} {value}\n' in page
    port = addresses["management"].rpartition(":")[2]
    listed = run_command("-m", "torchferry", "models", "--management-port", port, "list").stdout
    assert [line.split()[:2] for line in listed.splitlines()[1:]] == [[GOOD, "1.0"], ["damaged", "could"], [BAD, "1.0"]]
    assert f"could not be loaded: {BAD}: cannot be loaded: BundleError" in listed
    assert urllib3.request("GET", addresses["metrics"].replace("/metrics", "/readyz")).status == 200


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_who_asks_for_a_broken_one_is_told_to_come_again(skipping: tuple[Server, dict[str, str]]) -> None:
    _, addresses = skipping
    for name, status in ((BAD, 503), ("damaged", 503), ("nobody", 404)):
        answer = urllib3.request("POST", f"{addresses['rest']}/predictions/{name}", body=b"x")
        assert (answer.status, answer.headers.get("Retry-After")) == (status, "30" if status == 503 else None)
        assert answer.json()["code"] == ("unavailable" if status == 503 else "unknown_model")
    with grpc.insecure_channel(addresses["grpc"], [("grpc.enable_http_proxy", 0)]) as channel:
        for name, code in ((BAD, "UNAVAILABLE"), ("nobody", "NOT_FOUND")):
            request = predictions_grpc.Request(model_name=name, input={"data": b"x"})
            with pytest.raises(grpc.RpcError) as refused:
                predictions_grpc.predictions(channel)(request, timeout=30)
            assert refused.value.code().name == code, refused.value.details()
