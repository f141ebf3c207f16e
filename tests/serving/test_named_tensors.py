"""A network with several named inputs and nested outputs, from --input to the answers of both servers."""

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.server import Server
from tests.serving import signatures
from tests.serving.onnx_server.asking import arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.formats.triton import write_triton
from torchferry.serving.session import open_variant
from torchferry.serving.torchserve.archive import archive

HERE = "tests.serving.signatures"
KINDS = ("cat", "dog", "owl", "bee")
COLOURS = ("red", "green", "blue")


def exported(folder: Path, model: str, *words: object, variants: tuple[str, ...] = ("onnx-fp32",)) -> Bundle:
    reference = load_given(parser().parse_args(["--model", f"{HERE}:{model}", *map(str, words)]))
    return export(reference, folder, variants, {}, "1.0")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Its inputs are given in another order than forward has them."""
    folder = tmp_path_factory.mktemp("encoder")
    for name, labels in {"kinds": KINDS, "colours": COLOURS}.items():
        (folder / name).write_text("\n".join(labels))
    inputs = ("--input", "attention_mask=tensor:INT64:5", "--input", "input_ids=tensor:INT64:5")
    labels = ("--labels", f"kinds={folder / 'kinds'}", "--labels", f"scores={folder / 'colours'}")
    return exported(folder / "bundle", "Encoder", *inputs, *labels)


@pytest.fixture(scope="module")
def asked() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    ids, mask = random.integers(0, 2, (4, 5)), random.integers(0, 2, (4, 5))
    return {"input_ids": ids, "attention_mask": mask}


@pytest.fixture(scope="module")
def expected(asked: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the network itself gives."""
    ids, mask = map(torch.from_numpy, asked.values())
    with torch.no_grad():
        given = signatures.Encoder().eval()(ids, attention_mask=mask)
    states = {f"hidden_states.{place}": state for place, state in enumerate(given["hidden_states"])}
    flat = {"scores": given["scores"], "aux.mean": given["aux"]["mean"], **states, "kinds": given["kinds"]}
    return {name: value.numpy() for name, value in flat.items()}


@pytest.fixture(scope="module")
def served(starts_server: None, encoder: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    server = Server(encoder.root, folder=tmp_path_factory.mktemp("named"), runtime="onnx")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def check(answered: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(answered) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(answered[name], values, atol=1e-5, err_msg=name)


def test_the_answers_over_rest_and_grpc_are_the_networks(
    served: dict[str, str], asked: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> None:
    infer = "/v2/models/Encoder/infer"
    check(arrays(ask(served["rest"], infer, {"inputs": [tensor(*each) for each in asked.items()]})), expected)
    head = json.dumps({"inputs": [raw_tensor(*each) for each in asked.items()]}).encode()
    body = head + b"".join(values.tobytes() for values in asked.values())
    check(arrays(ask(served["rest"], infer, body, {"Inference-Header-Content-Length": str(len(head))})), expected)
    check(output_arrays(call(served["grpc"], "ModelInfer", infer_request("Encoder", asked))), expected)
    turned = dict(reversed(asked.items()))
    check(output_arrays(call(served["grpc"], "ModelInfer", infer_request("Encoder", turned))), expected)


def test_the_best_classes_of_each_output_have_its_own_labels(
    served: dict[str, str], asked: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> None:
    wanted = [{"name": name, "parameters": {"classification": 1}} for name in ("scores", "kinds", "hidden_states.1")]
    body = {"inputs": [tensor(*each) for each in asked.items()], "outputs": wanted}
    scores, kinds, states = ask(served["rest"], "/v2/models/Encoder/infer", body).json["outputs"]
    for output, labels in ((scores, COLOURS), (kinds, KINDS)):
        best = expected[output["name"]].argmax(1)
        assert [text.split(":")[1:] for text in output["data"]] == [[str(each), labels[each]] for each in best]
    assert {text.count(":") for text in states["data"]} == {1}  # four numbers, but no classes
    said = ask(served["rest"], "/v2/models/Encoder").json["parameters"]["output_labels"]
    assert said == {"scores": list(COLOURS), "kinds": list(KINDS)}
    request = infer_request("Encoder", asked)
    request.outputs.add(name="kinds").parameters["classification"].int64_param = 1
    raw = call(served["grpc"], "ModelInfer", request).raw_output_contents[0]
    assert raw[4:].startswith(kinds["data"][0].encode())


def test_triton_gets_a_file_of_labels_for_each_output(encoder: Bundle, tmp_path: Path) -> None:
    write_triton(encoder, tmp_path / "repository")
    model = tmp_path / "repository" / "Encoder-onnx-fp32"
    assert (model / "labels-scores.txt").read_text().split() == list(COLOURS)
    assert (model / "labels-kinds.txt").read_text().split() == list(KINDS)
    config = (model / "config.pbtxt").read_text()
    assert config.count("label_filename") == 2
    assert 'label_filename: "labels-kinds.txt"' in config


def test_torchserves_handler_in_an_archive_answers_with_the_same_names(
    encoder: Bundle,
    asked: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    from tests.serving.torchserve.test_handler import Context
    from torchferry.serving.torchserve.handler import Handler

    (made,) = archive(encoder, tmp_path, ["onnx-fp32"])
    with zipfile.ZipFile(made) as content:
        content.extractall(tmp_path / "content")
    handler, context = Handler(), Context(tmp_path / "content", [{}])
    handler.initialize(context)
    body = json.dumps({"inputs": [tensor(*each) for each in asked.items()]}).encode()
    (answer,) = handler.handle([{"body": body}], context)
    outputs = {each["name"]: np.array(each["data"]).reshape(each["shape"]) for each in json.loads(answer)["outputs"]}
    check(outputs, expected)


def test_names_of_the_graphs_own_are_served_by_every_variant(tmp_path: Path) -> None:
    """`cat_scale` is also what a quantiser calls the scale of `cat`."""
    random = np.random.default_rng(0)
    rows = {name: random.normal(size=(32, 3)).astype(np.float32) for name in ("cat", "cat_scale")}
    np.savez(tmp_path / "rows.npz", **rows)  # type: ignore[arg-type]
    inputs = ("--input", "cat_scale=table:3", "--input", "cat=table:3", "--eval-data", tmp_path / "rows.npz")
    variants = ("torch", "onnx-fp32", "onnx-fp16", "onnx-int8")
    bundle = exported(tmp_path / "bundle", "Collisions", *inputs, variants=variants)
    assert bundle.skipped == {}
    names = ["mean", "add", "weight", "best.values", "best.indices"]
    assert [spec.name for spec in bundle.outputs] == names
    with torch.no_grad():
        given = signatures.Collisions().eval()(*map(torch.from_numpy, rows.values()))
    for variant in bundle.variants:
        session = open_variant(bundle, variant, threads=1) if variant in bundle.accepted else None
        assert session or variant == "onnx-int8"  # which the gate may refuse, but not for its names
        if session:
            answered = session.run(rows)
            assert list(answered) == names
            np.testing.assert_allclose(answered["add"], given.add.numpy(), atol=0.1)
            np.testing.assert_allclose(answered["mean"], given.mean.numpy(), atol=0.1)
    for file in bundle.root.glob("variants/onnx-*/model.onnx"):
        graph = onnx.load(file).graph
        assert [value.name for value in graph.input] == ["cat_scale", "cat"]
        assert [value.name for value in graph.output] == names


def test_returned_inputs_and_one_tensor_under_two_names_are_outputs(tmp_path: Path) -> None:
    bundle = exported(tmp_path / "bundle", "Returned", "--input", "row=table:3", variants=("torch", "onnx-fp32"))
    assert bundle.accepted == ["torch", "onnx-fp32"]
    row = np.ones((2, 3), np.float32)
    for variant in bundle.accepted:
        answered = open_variant(bundle, variant, threads=1).run({"row": row})
        assert {name: float(values.max()) for name, values in answered.items()} == {
            "row_output": 1, "same": 1, "twice": 2, "once_more": 2,
        }  # fmt: skip


def test_a_dict_and_a_list_are_inputs_by_their_parts(tmp_path: Path) -> None:
    names = ("maps.1", "batch.left", "maps.0", "batch.class")
    inputs = [word for name in names for word in ("--input", f"{name}=table:2")]
    bundle = exported(tmp_path / "bundle", "Batch", *inputs, variants=("torch", "onnx-fp32"))
    loaded = bundles.load(bundle.root)
    assert tuple(spec.name for spec in loaded.inputs) == names
    given = {name: np.full((3, 2), number, np.float32) for number, name in enumerate(names)}
    for variant in loaded.accepted:
        answered = open_variant(loaded, variant, threads=1).run(given)
        assert answered["boxes"].tolist() == [[3 - 1] * 2] * 3
        assert answered["scores"].tolist() == [[2 - 0] * 2] * 3
