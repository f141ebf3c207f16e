"""`predict` and the real servers: the same answers over REST and gRPC as from the bundle, also with tokens and TLS."""

import csv
import json
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.serving.certificates import write_certificate
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.conftest import start_server as start_server
from tests.serving.onnx_server.made import export_table
from torchferry.errors import UserError
from torchferry.serving.client import Denied
from torchferry.serving.predict.predict_command import main


def ask(*words: object) -> None:
    main(list(map(str, words)))


def ways(addresses: dict[str, str]) -> dict[str, tuple[object, ...]]:
    ports = {
        name: urlsplit(addresses[name] if "//" in addresses[name] else f"//{addresses[name]}").port
        for name in ("rest", "grpc")
    }
    return {"rest": ("--port", ports["rest"]), "grpc": ("--grpc", "--grpc-port", ports["grpc"])}


def records(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def the_same(path: Path, other: Path) -> None:
    """But for how a network rounds in another batch."""
    for one, two in zip(records(path), records(other), strict=True):
        assert {key: one[key] for key in ("source", "row", "label")} == {
            key: two[key] for key in ("source", "row", "label")
        }
        for column in one:
            if column.startswith("probability") and one[column]:
                assert float(one[column]) == pytest.approx(float(two[column]), abs=1e-5)


def test_pictures(start_server: StartServer, bundle: Path, samples: Path, tmp_path: Path) -> None:
    ask(samples, "--bundle", bundle, "--top-k", 7, "-o", tmp_path / "local.csv")
    expected = {row["file"]: row["predicted"] for row in records(samples / "samples.csv")}
    local = records(tmp_path / "local.csv")
    assert {str(Path(each["source"]).relative_to(samples)): each["label"] for each in local} == expected
    assert "label_7" in local[0]
    for name, words in ways(start_server().wait_ready()).items():
        ask(samples, "--model", "digits", *words, "--top-k", 7, "-o", tmp_path / f"{name}.csv")
        the_same(tmp_path / f"{name}.csv", tmp_path / "local.csv")


def test_a_long_table_is_sent_in_parts(start_server: StartServer, tmp_path: Path) -> None:
    table = export_table(tmp_path)
    numbers = np.random.default_rng(0).normal(size=(3000, 8))
    rows = [",".join(map(str, row)) for row in numbers]
    rows[1234] = "1,2,3"
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    addresses = start_server(table).wait_ready()
    ways_ = {"local": ("--bundle", table)} | {
        name: ("--model", "table", *words) for name, words in ways(addresses).items()
    }
    for name, words in ways_.items():
        with pytest.raises(UserError, match=r"^1 of 3,000 samples have no answer; .*\.csv says why$"):
            ask(tmp_path / "rows.csv", *words, "-o", tmp_path / f"{name}.csv")
        found = records(tmp_path / f"{name}.csv")
        assert [each["row"] for each in found] == [str(number) for number in range(1, 3001)]
        assert [each["row"] for each in found if each["error"]] == ["1235"]
        the_same(tmp_path / f"{name}.csv", tmp_path / "local.csv")
    lines = [{"row": list(map(float, row.split(",")))} for row in rows[:5]]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    np.save(tmp_path / "rows.npy", numbers[:5].astype(np.float32))
    local = [float(each["probability"]) for each in records(tmp_path / "local.csv")[:5]]
    for file in ("rows.jsonl", "rows.npy"):
        ask(tmp_path / file, "--model", "table", *ways(addresses)["rest"], "-o", tmp_path / f"{file}.csv")
        probabilities = [float(each["probability"]) for each in records(tmp_path / f"{file}.csv")]
        assert probabilities == pytest.approx(local, abs=1e-5)


def test_tokens_and_tls(start_server: StartServer, samples: Path, tmp_path: Path) -> None:
    write_certificate(tmp_path, 1)
    (tmp_path / "tokens").write_text("ann secret-of-ann 20\n")
    files = ("--tls-certificate", tmp_path / "certificate.pem", "--tls-key", tmp_path / "key.pem")
    addresses = start_server(options=(*files, "--tokens", tmp_path / "tokens")).wait_ready()
    token = ("--header", "Authorization: Bearer secret-of-ann", "--ca", tmp_path / "certificate.pem")
    pictures = sorted(samples.glob("*/*.png"))[:30]
    for name, words in ways(addresses).items():
        asked = (*pictures, "--model", "digits", *words)
        # More than it may ask in a second: it waits as it is told.
        ask(*asked, *token, "-o", tmp_path / f"{name}.csv")
        assert len(records(tmp_path / f"{name}.csv")) == 30
        with pytest.raises(Denied, match="send Authorization: Bearer TOKEN"):
            ask(*asked, *token[2:])
        with pytest.raises(UserError, match=r"certificate is not trusted|no answer"):
            ask(*asked, "--tls", *token[:2])


def test_torchserve(addresses: dict[str, str], samples: Path, bundle: Path, tmp_path: Path) -> None:
    pictures = sorted(samples.glob("*/*.png"))[:20]
    ask(*pictures, "--bundle", bundle, "--top-k", 7, "-o", tmp_path / "local.csv")
    for name, words in ways(addresses).items():
        output = tmp_path / f"{name}.csv"
        ask(*pictures, "--model", "digits-onnx-fp32", *words, "--top-k", 7, "-o", output)
        the_same(output, tmp_path / "local.csv")
