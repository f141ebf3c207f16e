"""Records and lines of text at both servers, over REST and gRPC: each answers with the same row of numbers."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.commands import run_command
from tests.server import Server
from tests.serving.onnx_server.asking import LENGTH, ask
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from tests.serving.tiny_bundle import written_several, written_table
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.serving.client import Client, GrpcClient, Refused, RestClient

TABLE = TableSpec(
    columns=(
        Encoder(column="age", fill=30.0, indicator=True),
        Encoder(column="sex", kind="category", categories=("female", "male"), fill="male"),
        Encoder(column="joined", kind="date"),
    ),
    targets=("fare",),
    unread=("id",),
)
GOLDEN = np.array([[3, 0, 1, 0, 86400]], np.float32)
RECORD = {"joined": "1970-01-02", "sex": "female", "age": 3}
ROW = {"age": 3, "age is missing": 0, "sex=female": 1, "sex=male": 0, "joined": 86400}
GAPS = {"age": 30, "age is missing": 1, "sex=female": 0, "sex=male": 1, "joined": 86400}
RIGHT = [
    (RECORD, [ROW]),
    ([RECORD, {"joined": "1970-01-02"}], [ROW, GAPS]),
    ({"instances": [RECORD | {"age": None, "sex": None}]}, [GAPS]),
    (RECORD | {"age": float("nan"), "sex": ""}, [GAPS]),
    (b"sex,joined,age\nfemale,1970-01-02,3\nNA,1970-01-02T00:00Z,\n", [ROW, GAPS]),
    (b"age\tsex\tjoined\n3\tfemale\t1970-01-02\n", [ROW]),
    (b"id,age,sex,joined,fare,\n7,3,female,1970-01-02,71.5,\n", [ROW]),
]
WRONG = [
    ({"age": 3, "joint": "1970-01-02"}, "the record: there is no column 'joint'; did you mean joined?"),
    (RECORD | {"fare": 71.5}, "the record: column 'fare' is what the model predicts; leave it out"),
    (b'{"age": 3}\n{"age": 4}\n', "more follows its first value, and several samples are sent as one list"),
    ([RECORD, {"age": 3}], "row 2: column 'joined' is not given"),
    (b"age,sex,joined\n3,male,2.1.1970\n", "line 2: column 'joined' is '2.1.1970'; a date such as"),
]


@pytest.fixture(scope="module")
def addresses(starts_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Of a server of each kind with both models."""
    folder = tmp_path_factory.mktemp("records")
    both = (written_table(folder, TABLE, GOLDEN).root, written_several(folder).root)
    for bundle in both:
        done = run_command("-m", "torchferry", "archive", bundle, "-o", folder / "store")
        assert done.returncode == 0, done.stderr
    (folder / "ours").mkdir()
    servers = {
        "onnx": Server(*both, folder=folder / "ours", runtime="onnx"),
        "torchserve": Server(folder / "store", folder=folder),
    }
    try:
        yield {name: server.wait_ready() for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture(params=["onnx", "torchserve"])
def clients(request: pytest.FixtureRequest, addresses: dict[str, dict[str, str]]) -> Iterator[tuple[str, list[Client]]]:
    """What is behind a model's name where it is served, and a client for each protocol."""
    at = addresses[request.param]
    name = "" if request.param == "onnx" else "-onnx-fp32"
    with RestClient(at["rest"]) as rest, GrpcClient(at["grpc"]) as grpc:
        yield name, [rest, grpc]


def sent(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def test_each_way_of_asking_gives_the_row_of_numbers(clients: tuple[str, list[Client]]) -> None:
    variant, both = clients
    for client in both:
        for body, rows in RIGHT:
            answer = json.loads(client.send(f"table{variant}", sent(body)))
            alone = len(rows) == 1 and not (isinstance(body, dict) and "instances" in body)
            found = [answer] if alone else answer["predictions"]
            assert [each["values"] for each in found] == rows, body


def test_each_mistake_names_row_and_column(clients: tuple[str, list[Client]]) -> None:
    variant, both = clients
    name = f"table{variant}"
    for client in both:
        for body, words in WRONG:
            with pytest.raises(Refused) as error:
                client._answer(name, client.send(name, sent(body)))
            assert words in str(error.value)


def test_what_is_left_out_of_a_file_is_said(clients: tuple[str, list[Client]]) -> None:
    variant, both = clients
    body = b"id,age,sex,joined,fare\n7,3,female,1970-01-02,71.5\n"
    for client in both:
        assert client.ask(f"table{variant}", body)["notes"] == [
            "column 'id' is not read by the model, and is left out",
            "column 'fare' is what the model predicts, and is left out",
        ]


def test_each_output_is_answered_with_its_own_labels(clients: tuple[str, list[Client]]) -> None:
    variant, both = clients
    name = f"several{variant}"
    bus, blue = {"label": "bus", "score": 0.75}, {"label": "blue", "score": 0.75}
    kind = {**bus, "top_k": [bus, {"label": "car", "score": 0.25}]}
    colour = {**blue, "top_k": [blue, {"label": "red", "score": 0.25}]}
    outputs = {"kind": kind, "colour": colour, "size": [0.25, 0.75]}
    for client in both:
        assert client.ask(name, b"0.25,0.75\n") == {"model": name, "outputs": outputs}
        several = client.ask(name, b"0.25,0.75\n1,0\n")["predictions"]
        assert several[0] == {"outputs": outputs}
        assert [several[1]["outputs"][each]["label"] for each in ("kind", "colour")] == ["car", "red"]
        assert sorted(client.infer(name, {"row": GOLDEN[:, :2]})) == ["colour", "kind", "size"]


def test_the_protocols_tensors_fill_gaps_as_well(addresses: dict[str, dict[str, str]]) -> None:
    at = addresses["onnx"]
    row = np.array([[np.nan, 0, 0, 1, 86400]], np.float32)
    expected = [list(GAPS.values())]
    tensor = {"name": "row", "datatype": "FP32", "shape": [1, 5]}
    for data in ("NaN", "null"):
        body = json.dumps({"inputs": [tensor | {"data": [None, 0, 0, 1, 86400]}]}).replace("null", data)
        assert ask(at["rest"], "/v2/models/table/infer", body.encode()).json["outputs"][0]["data"] == expected[0]
    raw = ask(at["rest"], "/v2/models/table/infer", row.tobytes(), {LENGTH: "0"})
    assert np.frombuffer(raw.body[-20:], np.float32).tolist() == expected[0]
    asked = infer_request("table", {"row": row})
    assert output_arrays(call(at["grpc"], "ModelInfer", asked))["values"].tolist() == expected
    asked.inputs[0].contents.fp32_contents.extend(row.ravel().tolist())
    del asked.raw_input_contents[:]
    assert output_arrays(call(at["grpc"], "ModelInfer", asked))["values"].tolist() == expected


def test_the_protocols_call_says_where_records_go(addresses: dict[str, dict[str, str]]) -> None:
    answer = ask(addresses["onnx"]["rest"], "/v2/models/table/infer", RECORD)
    assert (answer.status, "records are taken at /predictions/table" in answer.json["detail"]) == (400, True)


def test_columns_are_told_in_metadata_and_openapi(addresses: dict[str, dict[str, str]]) -> None:
    at = addresses["onnx"]
    columns = ask(at["rest"], "/v2/models/table").json["parameters"]["columns"]
    assert [(each["name"], each["kind"], each["missing"]) for each in columns] == [
        ("age", "number", "taken"),
        ("sex", "category", "taken"),
        ("joined", "date", "refused"),
    ]
    said = call(at["grpc"], "ModelConfig", messages.ModelConfigRequest(name="table")).config.parameters
    assert json.loads(said["columns"].string_value) == columns
    described = ask(at["rest"], "/openapi.json").json
    (example,) = described["components"]["schemas"]["Record-table"]["examples"]
    assert example == {"age": 3, "sex": "female", "joined": "1970-01-02"}
    content = described["paths"]["/predictions/table"]["post"]["requestBody"]["content"]
    for body in (example, content["text/csv"]["example"].encode()):
        assert ask(at["rest"], "/predictions/table", body).json["values"] == ROW
