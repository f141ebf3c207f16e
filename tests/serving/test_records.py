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
from tests.serving.tiny_bundle import written_table
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.serving.client import Client, GrpcClient, Refused, RestClient

TABLE = TableSpec(
    columns=(
        Encoder(column="age", fill=30.0, indicator=True),
        Encoder(column="sex", kind="category", categories=("female", "male"), fill="male"),
        Encoder(column="joined", kind="date"),
    )
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
]
WRONG = [
    ({"age": 3, "joint": "1970-01-02"}, "the record: there is no column 'joint'; did you mean joined?"),
    ([RECORD, {"age": 3}], "row 2: column 'joined' is not given"),
    (b"age,sex,joined\n3,male,2.1.1970\n", "line 2: column 'joined' is '2.1.1970'; a date such as"),
]


@pytest.fixture(scope="module")
def addresses(starts_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Of a server of each kind with the one model."""
    folder = tmp_path_factory.mktemp("records")
    bundle = written_table(folder, TABLE, GOLDEN).root
    done = run_command("-m", "torchferry", "archive", bundle, "-o", folder / "store")
    assert done.returncode == 0, done.stderr
    (folder / "ours").mkdir()
    servers = {
        "onnx": Server(bundle, folder=folder / "ours", runtime="onnx"),
        "torchserve": Server(folder / "store", folder=folder),
    }
    try:
        yield {name: server.wait_ready() for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture(params=["onnx", "torchserve"])
def clients(request: pytest.FixtureRequest, addresses: dict[str, dict[str, str]]) -> Iterator[tuple[str, list[Client]]]:
    at = addresses[request.param]
    name = "table" if request.param == "onnx" else "table-onnx-fp32"
    with RestClient(at["rest"]) as rest, GrpcClient(at["grpc"]) as grpc:
        yield name, [rest, grpc]


def sent(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def test_each_way_of_asking_gives_the_row_of_numbers(clients: tuple[str, list[Client]]) -> None:
    name, both = clients
    for client in both:
        for body, rows in RIGHT:
            answer = json.loads(client.send(name, sent(body)))
            alone = len(rows) == 1 and not (isinstance(body, dict) and "instances" in body)
            found = [answer] if alone else answer["predictions"]
            assert [each["values"] for each in found] == rows, body


def test_each_mistake_names_row_and_column(clients: tuple[str, list[Client]]) -> None:
    name, both = clients
    for client in both:
        for body, words in WRONG:
            with pytest.raises(Refused) as error:
                client._answer(name, client.send(name, sent(body)))
            assert words in str(error.value)


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
