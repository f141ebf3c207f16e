"""A served version has to give the golden outputs of the archive that it was loaded from."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.serving.tiny_bundle import GOLDEN, written
from tests.serving.torchserve.tiny_archive import archived
from torchferry.errors import ServerFault
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.client import Refused, RestClient
from torchferry.serving.errors import BundleError
from torchferry.serving.torchserve.golden import Golden, Goldens

MODEL = "tiny-onnx-fp32"


class Answering(RestClient):
    """Answers with the rows that it is sent, and so much more."""

    def __init__(self, wrong_by: float = 0, most: int = 9) -> None:
        """`most`: samples of a request."""
        super().__init__("http://127.0.0.1:9")
        self.most, self.wrong_by, self.asked = most, wrong_by, list[tuple[str, list[list[float]]]]()

    def infer(
        self, model: str, inputs: Mapping[str, np.ndarray], specs: Sequence[TensorSpec] = ()
    ) -> dict[str, np.ndarray]:
        assert [spec.name for spec in specs] == ["row"]
        self.asked.append((model, inputs["row"].tolist()))
        if len(inputs["row"]) > self.most:
            refused = Refused("too many samples")
            refused.code = "too_large"
            raise refused
        return {"probabilities": inputs["row"] + np.float32(self.wrong_by)}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    bundle = written(tmp_path / "bundle", version="2.0")
    return archived(tmp_path / "store", MODEL, "2.0", bundle=bundle).parent


def test_the_version_is_asked_the_golden_inputs_together_and_apart(store: Path, tmp_path: Path) -> None:
    golden, client = Golden(store / f"{MODEL}.mar", tmp_path / "golden"), Answering()
    golden.check(client)
    assert (golden.model, golden.version, golden.variant) == (MODEL, "2.0", "onnx-fp32")
    first, second = GOLDEN.tolist()
    together = [(f"{MODEL}/2.0", [first, second])]
    assert client.asked == [*together, *((f"{MODEL}/2.0", rows) for rows in ([second, first], [first], [second]))]
    client.asked.clear()
    golden.check_again(client)
    assert client.asked == together


def test_another_answer_is_refused_with_how_far_it_is_off(store: Path, tmp_path: Path) -> None:
    golden = Golden(store / f"{MODEL}.mar", tmp_path / "golden")
    golden.check(Answering(wrong_by=5e-5))
    with pytest.raises(BundleError, match=r"tiny onnx-fp32: .* differs by 0\.25 in 'probabilities'; 0\.0001 is"):
        golden.check(Answering(wrong_by=0.25))


def test_what_a_server_takes_no_more_of_together_is_asked_in_halves(store: Path, tmp_path: Path) -> None:
    golden, client = Golden(store / f"{MODEL}.mar", tmp_path / "golden"), Answering(most=1)
    golden.check_again(client)
    first, second = GOLDEN.tolist()
    assert [rows for _, rows in client.asked] == [[first, second], [first], [second]]
    with pytest.raises(Refused):
        golden.check_again(Answering(most=0))


def test_an_archive_is_read_once_and_again_when_it_was_replaced(store: Path, tmp_path: Path) -> None:
    goldens = Goldens(store, tmp_path / "golden")
    first = goldens.of(MODEL, "2.0")
    assert goldens.of(MODEL, "2.0") is first
    os.utime(store / f"{MODEL}.mar", (1, 1))
    assert goldens.of(MODEL, "2.0") is not first
    assert len(goldens.known) == 1


def test_an_archive_that_has_gone_keeps_no_other_from_being_read(store: Path, tmp_path: Path) -> None:
    (store / "gone.mar").symlink_to(tmp_path / "nowhere.mar")
    assert Goldens(store, tmp_path / "golden").of(MODEL, "2.0").version == "2.0"


def test_versions_come_and_go(store: Path, tmp_path: Path) -> None:
    goldens = Goldens(store, tmp_path / "golden")
    with pytest.raises(ServerFault, match=f"^{MODEL}@3.0 was loaded from an archive that is gone$"):
        goldens.of(MODEL, "3.0")
    third = archived(store, MODEL, "3.0", bundle=written(tmp_path / "third", version="3.0"))
    third = third.rename(store / f"{MODEL}@3.0.mar")
    archived(store, MODEL, "2.0", bundle=written(tmp_path / "again", version="2.0"))
    assert [goldens.of(MODEL, version).version for version in ("2.0", "3.0")] == ["2.0", "3.0"]
    third.unlink()
    with pytest.raises(ServerFault, match="is gone"):
        goldens.of(MODEL, "3.0")
