"""Kept sequences as clients meet them, over both protocols, of both engines of gRPC."""

import json
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from tritonclient.grpc import service_pb2_grpc

from tests.server import Server
from tests.serving.onnx_server.asking import arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.calling import channel, infer_request, output_arrays
from tests.serving.onnx_server.clients.environment import python_with
from tests.serving.onnx_server.telemetry.scraping import value
from tests.serving.onnx_server.test_clients import CLIENTS, LENGTH
from tests.serving.stateful import written_adding
from tests.waiting import wait_until
from torchferry.serving.client import Client, GrpcClient, Refused, RestClient

INFER = "/v2/models/adding/infer"
ONES = np.ones((1, 2), np.float32)
WIDE = 60_000
"""Numbers that are read in a thread, where they are typed."""


@pytest.fixture(scope="module")
def adding(starts_server: None, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("adding")
    options = ("--sequences", 4, "--sequence-timeout", 300, "--grpc-engine", engine)
    bundles = [written_adding(folder).root, written_adding(folder, "wide", width=WIDE).root]
    server = Server(*bundles, folder=folder, runtime="onnx", options=options)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def test_tritons_own_clients(adding: dict[str, str]) -> None:
    python = python_with("tritonclient[grpc,http]==2.73.0")
    command = [str(python), str(CLIENTS / "with_sequences.py"), adding["rest"].removeprefix("http://"), adding["grpc"]]
    done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    refusals = {way: said for way, said in answers.items() if way.endswith("refusal")}
    assert len(refusals) == 3
    assert all("adding 1.0 keeps no sequence " in said for said in refusals.values()), refusals
    assert len(answers.keys() - refusals.keys()) == 6
    for way in answers.keys() - refusals.keys():
        assert answers[way] == [2.0 * number for number in range(1, 21)], way


def clients(adding: dict[str, str]) -> list[Client]:
    return [RestClient(adding["rest"]), GrpcClient(adding["grpc"])]


def test_our_own_clients(adding: dict[str, str]) -> None:
    for client in clients(adding):
        with client:
            sequence = client.sequence("adding")
            answers = [sequence.infer({"x": ONES}, last=number == 2) for number in range(3)]
            assert [float(each["y"][0, 0]) for each in answers] == [2, 4, 6]
            assert answers[0].keys() == {"y"}
            again = client.sequence("adding", sequence.word)
            again.is_begun = True
            with pytest.raises(
                Refused, match=r"adding answered (409|FAILED_PRECONDITION): adding 1\.0 keeps no sequence"
            ):
                again.infer({"x": ONES})


def test_a_client_may_carry_the_state_itself(adding: dict[str, str]) -> None:
    """As on a server that keeps none."""
    for client in clients(adding):
        with client:
            total = np.zeros((1, 2), np.float32)
            for number in range(3):
                outputs = client.infer("adding", {"x": ONES, "total": total})
                total = outputs["next_total"]
                assert outputs["y"].tolist() == [[2 * number + 2] * 2]


def test_raw_tensors_in_a_sequence(adding: dict[str, str]) -> None:
    """Whose JSON is the same for each piece, and is read once."""

    def step(**flags: bool) -> dict[str, np.ndarray]:
        parameters = {"sequence_id": "raw", "binary_data_output": True, **flags}
        head = json.dumps({"inputs": [raw_tensor("x", ONES)], "parameters": parameters}).encode()
        return arrays(ask(adding["rest"], INFER, head + ONES.tobytes(), {LENGTH: str(len(head))}))

    answers = [step(sequence_start=True), *(step() for _ in range(3)), step(sequence_end=True)]
    assert [float(each["y"][0, 0]) for each in answers] == [2, 4, 6, 8, 10]
    assert {tuple(each) for each in answers} == {("y",)}


def test_a_streams_requests_keep_their_order_whatever_they_take_to_be_read(adding: dict[str, str]) -> None:
    """Typed numbers are read in a thread, and raw ones at once."""
    requests = []
    for number in range(12):
        x = np.full((1, WIDE), number + 1, np.float32)
        request = infer_request("wide", {"x": x}, id=str(number))
        if number % 3 == 0:
            del request.raw_input_contents[:]
            request.inputs[0].contents.fp32_contents.extend(x.ravel())
        request.parameters["sequence_id"].int64_param = 5
        request.parameters["sequence_start"].bool_param = number == 0
        request.parameters["sequence_end"].bool_param = number == 11
        requests.append(request)
    with channel(adding["grpc"]) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        answers = list(stub.ModelStreamInfer(iter(requests), timeout=60))
    assert [answer.error_message for answer in answers] == [""] * 12
    first = [float(output_arrays(answer.infer_response)["y"][0, 0]) for answer in answers]
    assert first == [2 * number * (number + 1) / 2 for number in range(1, 13)]


def test_what_is_said_of_it(adding: dict[str, str]) -> None:
    said = ask(adding["rest"], "/v2/models/adding").json["parameters"]
    assert (said["state"], said["sequences"]) == ({"total": "next_total"}, 4)


@pytest.mark.parametrize(
    ("parameters", "inputs", "status", "words"),
    [
        (
            {"sequence_id": 99},
            ["x"],
            409,
            "adding 1.0 keeps no sequence 99: it was not begun, or had no request for 300 s",
        ),
        ({"sequence_id": 99, "sequence_start": True}, [], 422, "inputs are ; the model takes 'x'"),
        ({"sequence_id": 1.5}, ["x"], 422, "sequence_id is 1.5; give a whole number or a text"),
        ({"sequence_id": 99}, ["x", "total"], 422, "'total' is kept by the server for the sequence 99; leave it out"),
        ({}, ["x"], 422, "inputs are 'x'; the model takes 'x', 'total'"),
    ],
)
def test_what_is_wrong_is_said(
    adding: dict[str, str], parameters: dict[str, object], inputs: list[str], status: int, words: str
) -> None:
    given = [tensor(name, ONES) for name in inputs]
    answer = ask(adding["rest"], INFER, {"inputs": given, "parameters": parameters})
    assert (answer.status, answer.json["detail"][: len(words)]) == (status, words)


def test_one_too_many_comes_later_and_the_metrics_say_how_many_there_are(adding: dict[str, str]) -> None:
    kept = {"model": "adding", "version": "1.0"}

    def step(word: int, **flags: bool) -> tuple[int, str | None]:
        parameters = {"sequence_id": word, **flags}
        answer = ask(adding["rest"], INFER, {"inputs": [tensor("x", ONES)], "parameters": parameters})
        return answer.status, answer.headers["Retry-After"]

    assert [step(word, sequence_start=True)[0] for word in range(1, 5)] == [200] * 4
    assert step(5, sequence_start=True) == (429, "1")
    assert (value(adding, "sequences", **kept), value(adding, "sequence_state_bytes", **kept)) == (4, 32)
    assert [step(word, sequence_end=True)[0] for word in range(1, 5)] == [200] * 4
    wait_until(lambda: value(adding, "sequences", **kept) == 0)
    assert (value(adding, "sequences_ended_total", **kept, reason="end") or 0) >= 4
