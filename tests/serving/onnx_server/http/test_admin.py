"""Versions and channels are changed on the admin port, and a change that is refused changes nothing."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.serving.keys import write_key
from tests.serving.onnx_server.in_process import Line, Said, serving_bundles
from tests.serving.tiny_bundle import VARIANT, written
from tests.serving.wire import in_loop
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http.admin import Admin
from torchferry.serving.onnx_server.http.rest import Rest
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.models.pulled_bundles import PulledBundles, pulled_from
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish

TINY = "/v2/repository/models/tiny/"


class Port:
    def __init__(
        self,
        plane: DataPlane,
        *roots: Path,
        tokens: Path | None = None,
        trusted: TrustedKeys | None = None,
        registry: PulledBundles | None = None,
    ) -> None:
        self.plane = plane
        self.line = Line(Admin(plane, Rest(plane, Access(tokens)), AllowedBundles(roots, trusted, registry)))

    async def post(self, call: str, body: Any = b"", **headers: str) -> Said:
        return await self.line.ask(TINY + call, body, **{"Content-Type": "application/json"} | headers)

    async def load(self, bundle: Bundle, **parameters: Any) -> Said:
        return await self.post("load", {"parameters": {"bundle": str(bundle.root), **parameters}})

    async def channels(self) -> dict[str, Any]:
        said: dict[str, Any] = (await self.line.ask(TINY + "channels", method="GET")).json
        return said

    @property
    def versions(self) -> list[str]:
        return list(self.plane.repository.models["tiny"].models)


@asynccontextmanager
async def managing(
    *served: Bundle, tokens: Path | None = None, trusted: TrustedKeys | None = None, **settings: Any
) -> AsyncIterator[Port]:
    """Bundles may be loaded from beside the first one."""
    async with serving_bundles(*served, **settings) as plane:
        yield Port(plane, served[0].root.parent, tokens=tokens, trusted=trusted)


@in_loop
async def test_what_is_loaded_stands_beside_the_others_and_is_stable(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        said = await port.load(written(tmp_path, version="2.0"))
        assert (said.status, said.json) == (200, {"name": "tiny"})
        assert port.versions == ["1.0", "2.0"]
        assert await port.channels() == {"stable": {"version": "2.0", "weight": 1}}


@in_loop
async def test_a_channel_with_a_weight_leaves_stable_the_rest(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        await port.load(written(tmp_path, version="2.0"), channel="canary", weight=0.25)
        assert await port.channels() == {
            "stable": {"version": "1.0", "weight": 0.75},
            "canary": {"version": "2.0", "weight": 0.25},
        }


@in_loop
async def test_load_without_a_bundle_reads_the_same_ones_again_and_moves_no_channel(tmp_path: Path) -> None:
    async with managing(written(tmp_path), written(tmp_path, version="2.0")) as port:
        assert (await port.post("channels", {"stable": "1.0"})).status == 200
        before = port.plane.repository.find("tiny", "1.0")
        assert (await port.post("load")).status == 200
        assert port.plane.repository.find("tiny", "1.0") is not before
        assert (await port.channels())["stable"]["version"] == "1.0"


@in_loop
async def test_a_version_is_loaded_from_the_registry(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    catalogue = Catalogue(ObjectStore(url), "tiny")
    publish(written(tmp_path / "elsewhere", version="2.0"), catalogue)
    catalogue.move("next", "2.0")
    async with serving_bundles(written(tmp_path / "here")) as plane:
        with pulled_from(url, None) as registry:
            port = Port(plane, tmp_path / "here", registry=registry)
            said = await port.post("load", {"parameters": {"bundle": f"{url}/tiny@next", "channel": "canary"}})
            assert (said.status, port.versions) == (200, ["1.0", "2.0"]), said.body
            assert (await port.channels())["canary"]["version"] == "2.0"
            assert (await port.post("load")).status == 200  # it is read again where it was pulled to
            said = await port.post("load", {"parameters": {"bundle": f"{url}/tiny@9"}})
            assert (said.status, "has no '9', only next, 2.0" in said.json["detail"]) == (400, True)
            assert registry
            assert [path.name for path in registry.folder.glob("tiny/*")] == ["2.0"]
            # Whoever is refused after the pull keeps nothing there, nor does a version that goes.
            said = await port.post("load", {"parameters": {"bundle": f"{url}/tiny@2.0:none"}})
            assert said.status == 400
            assert registry.path("tiny@2.0").exists()
            assert (await port.post("unload", {"parameters": {"version": "2.0"}})).status == 200
            assert list(registry.folder.glob("tiny/*")) == []
            said = await port.post("load", {"parameters": {"bundle": f"{url}/tiny@2.0:none"}})
            assert (said.status, list(registry.folder.glob("tiny/*"))) == (400, [])


@in_loop
async def test_a_registry_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    async with managing(written(tmp_path), load_timeout=0.1) as port:
        monkeypatch.setattr(AllowedBundles, "source", lambda *_: over.wait(60))
        said = await port.load(written(tmp_path, version="2.0"))
        over.set()
        assert (said.status, "was not read within 0.1 s" in said.json["detail"]) == (400, True)


@in_loop
async def test_where_all_variants_are_served_one_is_loaded_by_its_name(tmp_path: Path) -> None:
    variant = f"/v2/repository/models/tiny-{VARIANT}/"
    async with managing(written(tmp_path), all_variants=True) as port:
        body = {"parameters": {"bundle": str(written(tmp_path, version="2.0").root)}}
        said = await port.line.ask(variant + "load", body, **{"Content-Type": "application/json"})
        assert (said.status, said.json) == (200, {"name": f"tiny-{VARIANT}"})
        assert port.plane.repository.find(f"tiny-{VARIANT}").version == "2.0"
        assert port.versions == ["1.0"]


@in_loop
async def test_one_version_or_all_are_unloaded(tmp_path: Path) -> None:
    async with managing(written(tmp_path), written(tmp_path, version="2.0")) as port:
        assert (await port.post("unload", {"parameters": {"version": "2.0"}})).status == 200
        assert port.versions == ["1.0"]
        assert (await port.post("unload")).status == 200
        assert "tiny" not in port.plane.repository.models
        assert (await port.post("unload")).status == 404


@in_loop
async def test_a_rollback_takes_the_last_change_of_the_channels_back(tmp_path: Path) -> None:
    async with managing(written(tmp_path), written(tmp_path, version="2.0")) as port:
        before = await port.channels()
        changed = (await port.post("channels", {"stable": "1.0", "canary": {"version": "2.0", "weight": 0.5}})).json
        assert changed == await port.channels() != before
        assert (await port.post("rollback")).json == before


@in_loop
@pytest.mark.parametrize(
    ("call", "body", "status", "words"),
    [
        ("load", {"parameters": {"bundle": "/nowhere"}}, 400, "/nowhere: is outside of the folders to load from"),
        ("load", {"parameters": [1]}, 400, "'parameters' is not a JSON object"),
        ("load", {"parameters": {"weight": 2}}, 422, "weight is 2; give a share of the requests"),
        ("load", {"parameters": {"weight": True}}, 422, "weight is True"),
        ("load", {"parameters": {"channel": 5}}, 422, "'channel' is 5; give text"),
        ("load", [], 400, "the body is not a JSON object"),
        ("unload", {"parameters": 0}, 400, "'parameters' is not a JSON object"),
        ("unload", {"parameters": {"version": 1.0}}, 422, "'version' is 1.0; give text"),
        ("unload", {"parameters": {"version": "9"}}, 404, "tiny has no version '9'"),
        ("channels", {"stable": "9"}, 400, "tiny 9 is not loaded"),
        ("channels", {"stable": 1}, 422, "'stable' is 1"),
        ("rollback", {}, 400, "its channels were not changed"),
    ],
)
async def test_a_wrong_change_is_refused_and_everything_stays(
    tmp_path: Path, call: str, body: Any, status: int, words: str
) -> None:
    async with managing(written(tmp_path)) as port:
        before = await port.channels()
        said = await port.post(call, body)
        assert (said.status, words in said.json["detail"]) == (status, True), said.body
        assert (port.versions, await port.channels()) == (["1.0"], before)


@in_loop
async def test_a_bundle_of_another_name_is_refused(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        said = await port.load(written(tmp_path, name="other"))
        assert (said.status, "is a bundle of 'other', not of 'tiny'" in said.json["detail"]) == (400, True)
        assert list(port.plane.repository.models) == ["tiny"]


@in_loop
async def test_every_other_path_is_answered_as_on_the_main_port(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        assert (await port.line.ask("/v2/models/tiny", method="GET")).json["name"] == "tiny"
        assert (await port.line.ask(TINY + "load", method="GET")).status == 404
        assert (await port.post("explode")).status == 404


@in_loop
async def test_where_signatures_are_required_nothing_else_is_loaded(tmp_path: Path) -> None:
    key = write_key(tmp_path, "ours")
    signed = written(tmp_path, version="2.0")
    bundles.sign(signed, SigningKey(key))
    async with managing(written(tmp_path), trusted=TrustedKeys([key.with_suffix(".pub")])) as port:
        refused = await port.load(written(tmp_path, version="3.0"))
        assert (refused.status, "is not signed, and has to be" in refused.json["detail"]) == (400, True)
        assert (await port.load(signed)).status == 200
        (signed.root / "golden" / "outputs.npz").write_bytes(b"other")
        refused = await port.post("load")
        assert (refused.status, port.versions) == (400, ["1.0", "2.0"])


@in_loop
@pytest.mark.parametrize(
    ("call", "body", "words"),
    [
        ("unload", {"version": "1.0"}, "the body has 'version', which is not read"),
        (
            "unload",
            {"parameters": {"versoin": "1.0"}},
            "'parameters' has 'versoin', which is not read; did you mean ver",
        ),
        (
            "load",
            {"parameters": {"bundel": "/nowhere"}},
            "'parameters' has 'bundel', which is not read; did you mean b",
        ),
        (
            "load",
            b'{"parameters": {"channel": "canary", "channel": "stable"}}',
            "an object has 'channel' more than once",
        ),
        ("channels", {"stable": {"version": "1.0", "wieght": 0.5}}, "'stable' has 'wieght', which is not read; did"),
        ("rollback", {"version": "1.0"}, "a rollback has 'version', which is not read; it has none"),
    ],
)
async def test_a_name_that_is_misspelt_changes_nothing(tmp_path: Path, call: str, body: Any, words: str) -> None:
    """Without it the call would mean something else: all versions, the same bundles again."""
    async with managing(written(tmp_path)) as port:
        before = port.plane.repository.find("tiny")
        said = await port.post(call, body)
        assert (said.status, words in said.json["detail"]) == (422, True), said.body
        assert port.plane.repository.find("tiny") is before


@in_loop
async def test_what_tritons_client_sends_of_itself_is_taken(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        assert (await port.post("unload", {"parameters": {"unload_dependents": False}})).status == 200


@in_loop
async def test_a_page_of_another_origin_changes_nothing(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        for headers in ({"Origin": "http://evil.example"}, {"Content-Type": "text/plain", "Origin": "null"}):
            said = await port.post("unload", **headers)
            assert (said.status, "pages of other origins may not ask" in said.json["detail"]) == (403, True)
        assert port.versions == ["1.0"]


@in_loop
async def test_a_change_that_is_not_json_is_refused(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        said = await port.post("unload", **{"Content-Type": "text/plain"})
        assert (said.status, said.json["code"], port.versions) == (415, "unsupported_type", ["1.0"])


@in_loop
async def test_with_tokens_only_the_role_admin_changes_anything_and_others_ask_as_elsewhere(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("ann s-ann\nbob s-bob admin\n")
    async with managing(written(tmp_path), tokens=tokens) as port:
        ann, bob = {"Authorization": "Bearer s-ann"}, {"Authorization": "Bearer s-bob"}
        statuses = [(await port.post("unload", **headers)).status for headers in ({}, ann)]
        statuses.append((await port.line.ask(TINY + "channels", method="GET")).status)
        assert statuses == [401, 403, 401]
        asked = [await port.line.ask("/v2/models/tiny/infer", {}, **headers) for headers in ({}, ann)]
        assert [said.status for said in asked] == [401, 400]
        assert (await port.line.ask("/v2/health/live", method="GET")).status == 200
        assert port.versions == ["1.0"]
        assert (await port.post("unload", **bob)).status == 200


@in_loop
async def test_a_query_changes_nothing(tmp_path: Path) -> None:
    async with managing(written(tmp_path)) as port:
        said = await port.post("unload?version=1.0")
        assert (said.status, "'?version=1.0' is not read" in said.json["detail"]) == (422, True)
        assert port.versions == ["1.0"]
