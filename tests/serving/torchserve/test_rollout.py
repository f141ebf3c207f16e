"""`torchferry models rollout`: a new version takes over under load, and one that does worse goes back by itself."""

import asyncio
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil
import pytest
import urllib3

from tests.server import Server
from tests.serving.altered import FAILS_AT, another_version, failing, slow
from tests.serving.torchserve.test_models import models
from tests.serving.wire import Connection, body, connections, in_loop
from tests.waiting import wait_until
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.torchserve.archive import Serving, archive

MODEL = "digits-onnx-fp32"
SECONDS = float(os.environ.get("TORCHFERRY_TEST_ROLLOUT_SECONDS", "15"))
CLIENTS = 200
FACTORS = {"1.0": 1.0, "2.0": 2.0, "3.0": 1.0}
"""By how much each version's answers are larger than the first one's."""


@pytest.fixture(scope="module")
def archives(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By version; the third is slow, and the fourth fails at a white pixel."""
    folder = tmp_path_factory.mktemp("versions")
    made = {
        "1.0": bundle,
        "2.0": another_version(bundle, folder, "2.0", FACTORS["2.0"]),
        "3.0": slow(bundle, folder, "3.0", side=64),
        "4.0": failing(bundle, folder, "4.0"),
    }
    return {
        version: archive(bundles.load(of), folder / "archives" / version, ["onnx-fp32"], Serving(workers=2))[0]
        for version, of in made.items()
    }


@pytest.fixture
def served(starts_server: None, archives: Mapping[str, Path], tmp_path: Path) -> Iterator[dict[str, str]]:
    options = ("--gateway", "nginx", "--max-queue", 2 * CLIENTS) if shutil.which("nginx") else ()
    server = Server(archives["1.0"], folder=tmp_path, options=options)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def standing(served: Mapping[str, str]) -> list[str]:
    """Version, whether it is the default, workers ready; a line for each version."""
    return [" ".join(line.split()[1:-1]) for line in models(served, "list")[1].splitlines()[1:]]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed; it asks again for killed workers")
@in_loop
async def test_200_clients_feel_neither_rollout_nor_rollback_nor_a_killed_worker(
    served: dict[str, str], archives: Mapping[str, Path], bundle: Path
) -> None:
    inputs, expected = (next(iter(values.values())) for values in bundles.load(bundle).golden())
    sent, right = body(data=inputs[0].ravel().tolist()), expected[0]
    counted: Counter[str] = Counter()
    changing = asyncio.create_task(asyncio.to_thread(change_all_the_time, served, archives))
    async with connections(served["rest"], CLIENTS) as clients:
        await asyncio.gather(*(ask_while(changing, client, sent, right, counted) for client in clients))
    await changing
    assert set(counted) <= {"200 of 1.0", "200 of 2.0", "200 of 3.0", "503, again 1"}, counted
    assert counted["200 of 2.0"]
    assert counted["200 of 3.0"]


def change_all_the_time(served: Mapping[str, str], archives: Mapping[str, Path]) -> None:
    """The default goes from 1.0 to 2.0 and back, each time the slow version is tried, and a worker is killed."""
    end, new, old = time.monotonic() + SECONDS, "2.0", "1.0"
    while time.monotonic() < end:
        code, text = models(served, "rollout", f"{MODEL}@{new}", "--archive", archives[new], "--watch-seconds", 2)
        assert (code, f"removed {MODEL}@{old}" in text) == (0, True), text
        # 200 clients that ask again at once wait 200 times as long as one request takes.
        limit = ("--max-p99-ms", 100)
        code, text = models(served, "rollout", f"{MODEL}@3.0", "--archive", archives["3.0"], *limit)
        assert (code, "did worse: p99 was" in text, "it is not served any more" in text) == (3, True, True), text
        assert standing(served) == [f"{new} yes 2/2"]
        workers = urllib3.request("GET", f"{served['management']}/models/{MODEL}").json()[0]["workers"]
        psutil.Process(workers[0]["pid"]).kill()
        wait_until(lambda new=new: standing(served) == [f"{new} yes 1/2"])  # type: ignore[misc]
        wait_until(lambda new=new: standing(served) == [f"{new} yes 2/2"])  # type: ignore[misc]
        new, old = old, new


async def ask_while(
    changing: "asyncio.Task[None]", client: Connection, sent: bytes, right: np.ndarray, counted: Counter[str]
) -> None:
    while not changing.done():
        status, headers, content = await client.post(f"/v2/models/{MODEL}/infer", sent)
        if status == 200:
            answer = json.loads(content)
            version = answer["model_version"]
            np.testing.assert_allclose(answer["outputs"][0]["data"], FACTORS[version] * right, atol=1e-4)
            counted[f"200 of {version}"] += 1
        else:
            counted[f"{status}, again {headers.get('retry-after', 'never')}"] += 1
        await asyncio.sleep(0.02)


@in_loop
async def test_a_version_that_fails_goes_back_and_leaves_nothing(
    served: dict[str, str], archives: Mapping[str, Path]
) -> None:
    rolling = asyncio.create_task(
        asyncio.to_thread(models, served, "rollout", f"{MODEL}@4.0", "--archive", archives["4.0"])
    )
    white = body(data=[FAILS_AT] * 64)
    async with connections(served["rest"], 1) as [client]:
        while not rolling.done():
            await client.post(f"/v2/models/{MODEL}/infer", white)
            await asyncio.sleep(0.002)
    code, text = await rolling
    assert (code, "requests failed; 1.00% may; it is not served any more" in text) == (3, True), text
    assert standing(served) == ["1.0 yes 2/2"]
    assert urllib3.request("GET", served["metrics"].replace("/metrics", "/readyz")).status == 200


def test_a_version_with_other_answers_is_ready_as_the_default_and_keeps_the_old_one_if_told(
    served: dict[str, str], archives: Mapping[str, Path]
) -> None:
    assert models(served, "scale", f"{MODEL}@1.0", 3)[0] == 0
    options = ("--archive", archives["2.0"], "--watch-seconds", 0.1, "--keep")
    code, text = models(served, "rollout", f"{MODEL}@2.0", *options)
    assert (code, f"{MODEL}@2.0: 0 requests, 0 failed" in text) == (0, True), text
    assert standing(served) == ["1.0 3/3", "2.0 yes 3/3"]
    ready = served["metrics"].replace("/metrics", "/readyz")
    time.sleep(2.1)  # it may say what it found two seconds ago
    assert urllib3.request("GET", ready).json() == {"ready": True}
    for arguments, words in (
        ((f"{MODEL}@2.0",), "is the default already"),
        ((f"{MODEL}@3.0",), "is not registered; give its .mar with --archive"),
        ((f"{MODEL}@3.0", "--archive", archives["4.0"]), f"holds {MODEL}@4.0, not {MODEL}@3.0"),
        (("another@1.0",), "nothing is served by that name yet"),
        ((f"{MODEL}@1.0", "--max-p99-ms", -1), "--max-p99-ms: -1 is too small"),
    ):
        code, text = models(served, "rollout", *arguments)
        assert (code, words in text, len(text.splitlines())) == (2, True, 1), text
    assert standing(served) == ["1.0 3/3", "2.0 yes 3/3"]
