"""Texts and sounds to both servers, in every way that clients send them: each is answered as its tensor is."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages
from urllib3 import encode_multipart_formdata

from tests.server import Server
from tests.serving.encoded_bundles import MOST_TOKENS, RATE, written_sound, written_text
from tests.serving.onnx_server.asking import LENGTH, Answer, arrays, ask
from tests.serving.onnx_server.calling import call, output_arrays
from tests.torchferry.contract.sounds import saved, tone
from torchferry.errors import UserError
from torchferry.serving.client import GrpcClient, Refused, RestClient
from torchferry.serving.predict.predict_command import main as predict_command
from torchferry.serving.torchserve.archive import archive

SPAM, HAM = "FREE money", "the meeting is at noon"
TEXTS, LABELS = [SPAM, HAM, "money"], ["spam", "ham", "spam"]
LOUD, QUIET = (np.sign(tone(0.1, RATE, level=level)) * np.float32(level) for level in (0.9, 0.1))
CURL = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def onnx(starts_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the ONNX Runtime server answers, with both models."""
    folder = tmp_path_factory.mktemp("onnx")
    server = Server(written_text(folder).root, written_sound(folder).root, folder=folder, runtime="onnx")
    try:
        yield server.wait_ready() | {"variant": ""}
    finally:
        server.stop()


@pytest.fixture(scope="module")
def torchserve(starts_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where TorchServe answers behind its gateway."""
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("torchserve")
    for bundle in (written_text(folder), written_sound(folder)):
        archive(bundle, folder / "store", ["onnx-fp32"])
    server = Server(folder / "store", folder=folder, options=("--gateway", "nginx"))
    try:
        yield server.wait_ready() | {"variant": "-onnx-fp32"}
    finally:
        server.stop()


@pytest.fixture(params=["onnx", "torchserve"])
def served(request: pytest.FixtureRequest, starts_server: None) -> dict[str, str]:
    return dict(request.getfixturevalue(request.param))


def predict(served: dict[str, str], model: str, body: Any, kind: str = CURL) -> Answer:
    return ask(served["rest"], f"/predictions/{model}{served['variant']}", body, {"Content-Type": kind})


def in_base64(file: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(file).decode()}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (SPAM.encode(), CURL),  # curl -d
        (b"FREE%20money", CURL),  # curl --data-urlencode
        (b"text=FREE+money", CURL),  # requests.post(url, data={"text": ...})
        (SPAM.encode(), "text/plain; charset=utf-8"),
        (SPAM.encode(), "application/octet-stream"),
        (b"[FREE money] FREE money", "text/plain"),
        (json.dumps(SPAM).encode(), "application/json"),
        (json.dumps({"text": SPAM}).encode(), "application/json"),
        (json.dumps({"ids": SPAM}).encode(), CURL),
        encode_multipart_formdata({"text": SPAM}),
        encode_multipart_formdata({"data": ("mail.txt", SPAM.encode())}),
    ],
    ids=lambda given: None if isinstance(given, bytes) else given.partition(";")[0],
)
def test_a_text_is_answered_with_its_label(served: dict[str, str], body: bytes, kind: str) -> None:
    answer = predict(served, "spam", body, kind)
    assert (answer.status, answer.json["label"]) == (200, "spam"), answer.body


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(TEXTS).encode(), "application/json"),
        (json.dumps({"instances": TEXTS}).encode(), "application/json"),
        (json.dumps({"instances": [{"text": text} for text in TEXTS]}).encode(), CURL),
        ("text\n" + "\n".join(TEXTS), "text/csv"),
    ],
)
def test_several_texts_of_unequal_length_are_answered_with_a_list(
    served: dict[str, str], body: bytes, kind: str
) -> None:
    answer = predict(served, "spam", body, kind)
    assert [each["label"] for each in answer.json["predictions"]] == LABELS
    for text, said in zip(TEXTS, answer.json["predictions"], strict=True):
        assert predict(served, "spam", text.encode()).json["probability"] == pytest.approx(said["probability"])


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG"])
@pytest.mark.parametrize(("samples", "label"), [(LOUD, "loud"), (QUIET, "quiet")], ids=["loud", "quiet"])
def test_a_sound_is_answered_with_its_label(
    served: dict[str, str], samples: np.ndarray, label: str, format: str
) -> None:
    file = saved(samples, RATE, format)
    form, of_form = encode_multipart_formdata({"data": ("said.wav", file)})
    one = json.dumps(in_base64(file)).encode()
    for body, kind in ((file, "audio/wav"), (file, CURL), (form, of_form), (one, "application/json")):
        answer = predict(served, "loud", body, kind)
        assert (answer.status, answer.json["label"]) == (200, label), answer.body


def test_several_sounds_of_unequal_length_are_answered_with_a_list(served: dict[str, str]) -> None:
    files = [saved(LOUD[:500], RATE), saved(QUIET, RATE)]
    answer = predict(served, "loud", {"instances": [in_base64(file) for file in files]})
    assert [each["label"] for each in answer.json["predictions"]] == ["loud", "quiet"]


@pytest.mark.parametrize(
    ("model", "body", "kind", "status", "code", "words"),
    [
        ("spam", b"", CURL, 400, "not_decodable", "'ids': the text is empty"),
        ("spam", b"caf\xe9", "text/plain", 400, "not_decodable", "the text is not UTF-8: byte 0xe9"),
        (
            "spam",
            b"caf\xe9",
            "text/plain; charset=latin1",
            415,
            "unsupported_type",
            "charset is latin1; send it in UTF-8",
        ),
        (
            "spam",
            b"the " * (MOST_TOKENS + 1),
            CURL,
            413,
            "too_large",
            f"has 13 tokens; at most {MOST_TOKENS} are taken",
        ),
        ("spam", b"[URGENT] free", CURL, 400, "not_decodable", "a text that begins like it is sent as text/plain"),
        ("spam", b'["free", ""]', CURL, 400, "not_decodable", "'ids' of sample 1: the text is empty"),
        ("loud", b"no sound", CURL, 400, "not_decodable", "'sound': the 8 bytes are not a sound in WAV, FLAC"),
        ("loud", saved(tone(1, RATE), RATE), "audio/wav", 413, "too_large", "(4,000 samples at 8,000 Hz) are allowed"),
        ("loud", saved(LOUD[:0], RATE), "audio/wav", 400, "not_decodable", "the sound has no samples"),
    ],
)
def test_what_the_model_does_not_take_is_refused_with_the_limit(
    served: dict[str, str], model: str, body: bytes, kind: str, status: int, code: str, words: str
) -> None:
    answer = predict(served, model, body, kind)
    assert (answer.status, answer.json["code"], words in answer.json["detail"]) == (status, code, True), answer.body


def test_our_clients_send_texts_and_files(served: dict[str, str]) -> None:
    for client in (RestClient(served["rest"]), GrpcClient(served["grpc"])):
        with client:
            assert client.predict(f"spam{served['variant']}", "[FREE] money money")["label"] == "spam"
            assert client.predict(f"loud{served['variant']}", saved(LOUD, RATE))["label"] == "loud"
            with pytest.raises(Refused, match="the text is empty"):
                client.predict(f"spam{served['variant']}", " ")
            outputs = client.infer(f"spam{served['variant']}", {"ids": np.array(TEXTS)})
            assert outputs["probabilities"].argmax(1).tolist() == [1, 0, 1]


def elements(samples: list[bytes]) -> bytes:
    return b"".join(len(each).to_bytes(4, "little") + each for each in samples)


def test_tensors_of_bytes_hold_texts_and_sounds_over_rest_and_grpc(onnx: dict[str, str]) -> None:
    """As Triton's clients send them: texts as they are, in JSON too, and files of sound as base64 there."""
    sounds = [saved(LOUD, RATE), saved(QUIET[:300], RATE)]
    for model, name, samples, texts in (
        ("spam", "ids", [text.encode() for text in TEXTS], TEXTS),
        ("loud", "sound", sounds, [in_base64(file)["b64"] for file in sounds]),
    ):
        said = {"name": name, "datatype": "BYTES", "shape": [len(samples), 1]}
        in_json = arrays(ask(onnx["rest"], f"/v2/models/{model}/infer", {"inputs": [said | {"data": texts}]}))
        raw = elements(samples)
        head = json.dumps({"inputs": [said | {"parameters": {"binary_data_size": len(raw)}}]}).encode()
        behind = arrays(ask(onnx["rest"], f"/v2/models/{model}/infer", head + raw, {LENGTH: str(len(head))}))
        request = messages.ModelInferRequest(model_name=model)
        request.inputs.add(**said).contents.bytes_contents.extend(samples)
        typed = output_arrays(call(onnx["grpc"], "ModelInfer", request))
        request = messages.ModelInferRequest(model_name=model, raw_input_contents=[raw])
        request.inputs.add(**said)
        of_raw = output_arrays(call(onnx["grpc"], "ModelInfer", request))
        for answered in (behind, typed, of_raw):
            np.testing.assert_allclose(answered["probabilities"], in_json["probabilities"], atol=1e-6)
        expected = [1, 0, 1] if model == "spam" else [1, 0]
        assert in_json["probabilities"].argmax(1).tolist() == expected


def test_numbers_are_taken_as_before(onnx: dict[str, str]) -> None:
    """Ids of a tokenizer of the client's own, in JSON and as raw elements alone."""
    tensor = {"name": "ids", "datatype": "INT64", "shape": [2, 2], "data": [2, 3, 5, 0]}
    both = arrays(ask(onnx["rest"], "/v2/models/spam/infer", {"inputs": [tensor]}))["probabilities"]
    alone = ask(onnx["rest"], "/v2/models/spam/infer", np.array([2, 3]).tobytes(), {LENGTH: "0"})
    np.testing.assert_allclose(arrays(alone)["probabilities"], both[:1], atol=1e-6)


def test_grpc_refuses_with_the_limit(onnx: dict[str, str]) -> None:
    for text, code in (("the " * 13, "RESOURCE_EXHAUSTED"), ("", "INVALID_ARGUMENT")):
        request = messages.ModelInferRequest(model_name="spam")
        given = request.inputs.add(name="ids", datatype="BYTES", shape=[1])
        given.contents.bytes_contents.append(text.encode())
        with pytest.raises(grpc.RpcError) as raised:
            call(onnx["grpc"], "ModelInfer", request)
        assert raised.value.code().name == code


def test_metadata_and_openapi_say_what_is_taken(onnx: dict[str, str]) -> None:
    said = ask(onnx["rest"], "/v2/models/spam").json["parameters"]["decode"]["ids"]
    assert (said["kind"], said["tokens"]) == ("text", {"least": 1, "most": MOST_TOKENS})
    paths = ask(onnx["rest"], "/openapi.json").json["paths"]
    for model, kind in (("spam", "text/plain"), ("loud", "audio/*")):
        assert kind in paths[f"/predictions/{model}"]["post"]["requestBody"]["content"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of texts, one of sounds, and a table."""
    folder = tmp_path_factory.mktemp("samples")
    for part in ("texts", "sounds"):
        (folder / part).mkdir()
    for number, text in enumerate(TEXTS):
        (folder / "texts" / f"{number}.txt").write_text(text)
    for name, values in (("loud", LOUD), ("quiet", QUIET[:300])):
        (folder / "sounds" / f"{name}.wav").write_bytes(saved(values, RATE))
    (folder / "mails.csv").write_text("mail,label\n" + "".join(f"{text},?\n" for text in TEXTS))
    return folder


def predicted(capsys: pytest.CaptureFixture, *options: object) -> list[str]:
    predict_command([*map(str, options), "--format", "jsonl"])
    return [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()]


def test_predict_takes_texts_and_sounds_to_a_bundle(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    spam, loud = (("--bundle", made(tmp_path).root, "--processes", 1) for made in (written_text, written_sound))
    assert predicted(capsys, samples / "texts", *spam) == LABELS
    assert predicted(capsys, samples / "mails.csv", "--text-column", "mail", *spam) == LABELS
    assert predicted(capsys, samples / "sounds", *loud) == ["loud", "quiet"]
    with pytest.raises(UserError, match="has no column 'text'; it has mail, label; --text-column says"):
        predicted(capsys, samples / "mails.csv", *spam)
    with pytest.raises(UserError, match="--text-column: the model takes no texts"):
        predicted(capsys, samples / "mails.csv", "--text-column", "mail", *loud)


def test_predict_asks_a_server_that_says_what_it_takes(
    onnx: dict[str, str], samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rest = ("--port", urlsplit(onnx["rest"]).port)
    assert predicted(capsys, samples / "texts", "--model", "spam", *rest) == LABELS
    assert predicted(capsys, samples / "sounds", "--model", "loud", *rest) == ["loud", "quiet"]
    over_grpc = ("--grpc", "--grpc-port", onnx["grpc"].rpartition(":")[2])
    assert predicted(capsys, samples / "texts", "--text-column", "text", "--model", "spam", *over_grpc) == LABELS
    (tmp_path / "blank.txt").write_text(" ")
    with pytest.raises(UserError, match="'ids': the text is empty"):
        predicted(capsys, tmp_path / "blank.txt", "--model", "spam", *rest)


def test_predict_is_told_that_torchserves_model_takes_texts(
    torchserve: dict[str, str], samples: Path, capsys: pytest.CaptureFixture
) -> None:
    asked = ("--model", "spam-onnx-fp32", "--port", urlsplit(torchserve["rest"]).port)
    assert predicted(capsys, samples / "mails.csv", "--text-column", "mail", *asked) == LABELS
