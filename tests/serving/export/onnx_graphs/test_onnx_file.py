"""What an .onnx file says, and what of it is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.serving.export.onnx_graphs.graphs import ROWS, graph, written
from torchferry.errors import UserError
from torchferry.serving.export.onnx_graphs.onnx_file import (
    Value,
    is_onnx,
    opset_of,
    read_onnx,
    values_of,
)

WEIGHTS = np.arange(1, 7, dtype=np.float32).reshape(3, 2)


def test_values_are_named_with_their_datatype_and_sizes(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS.replace("float[N, 3] x", "float[N, 3] x, int64 k"))
    inputs, outputs = values_of(read_onnx(path), path)
    assert inputs == [
        Value("x", np.dtype(np.float32), ("N", 3)),
        Value("k", np.dtype(np.int64), ()),
    ]
    assert [(each.name, each.datatype, each.sizes) for each in outputs] == [("y", "FP32", ("N", 2))]
    assert opset_of(read_onnx(path)) == 18
    assert is_onnx(path)


def test_places_of_the_machine_that_made_it_are_left_out(tmp_path: Path) -> None:
    """torch's former exporter writes the line of the source into each node."""
    model = graph(ROWS)
    for part in (model, model.graph, model.graph.node[0]):
        part.doc_string = "/home/somebody/net.py(3): forward"
    onnx.save(model, tmp_path / "net.onnx")
    assert b"somebody" not in read_onnx(tmp_path / "net.onnx").SerializeToString()


def test_weights_that_old_graphs_list_are_no_inputs(tmp_path: Path) -> None:
    model = graph(ROWS)
    model.graph.input.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [3, 2]))
    onnx.save(model, path := tmp_path / "old.onnx")
    assert [each.name for each in values_of(read_onnx(path), path)[0]] == ["x"]


def outside(folder: Path) -> Path:
    model = graph(ROWS)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(WEIGHTS, "w"))
    onnx.save(model, path := folder / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    return path


def test_weights_in_files_of_their_own_are_read(tmp_path: Path) -> None:
    weights = onnx.numpy_helper.to_array(read_onnx(outside(tmp_path)).graph.initializer[0])
    np.testing.assert_array_equal(weights, WEIGHTS)


def test_weights_that_are_missing_or_short_are_named(tmp_path: Path) -> None:
    path = outside(tmp_path)
    (tmp_path / "w.bin").write_bytes(b"\0" * 8)
    with pytest.raises(UserError, match=r"its weights 'w' are in w.bin, which has 8 bytes; 24 are needed"):
        read_onnx(path)
    (tmp_path / "w.bin").unlink()
    with pytest.raises(UserError, match=r"net.onnx: its weights 'w' are in w.bin, which is not beside it"):
        read_onnx(path)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("offset", "-8", r"where its weights 'w' are cannot be read \("),
        ("length", "many", r"where its weights 'w' are cannot be read \("),
        ("location", "a\0b", r"where its weights 'w' are cannot be read \("),
        ("location", "link.bin", "its weights 'w' are in link.bin, a link to .*/w.bin, outside of its folder"),
    ],
)
def test_a_place_of_weights_that_cannot_be_is_refused(tmp_path: Path, key: str, value: str, words: str) -> None:
    (folder := tmp_path / "net").mkdir()
    path = outside(folder)
    (tmp_path / "w.bin").write_bytes((folder / "w.bin").read_bytes())
    (folder / "link.bin").symlink_to("../w.bin")
    model = onnx.load(path, load_external_data=False)
    places = {each.key: each.value for each in model.graph.initializer[0].external_data} | {key: value}
    del model.graph.initializer[0].external_data[:]
    for name, text in places.items():
        model.graph.initializer[0].external_data.add(key=name, value=text)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=rf"net.onnx: {words}"):
        read_onnx(path)


def test_weights_may_lie_where_the_graph_is_a_link_to(tmp_path: Path) -> None:
    """As in a cache of Hugging Face's: names in a snapshot, contents in another folder."""
    (blobs := tmp_path / "blobs").mkdir()
    (snapshot := tmp_path / "snapshots" / "1f" / "onnx").mkdir(parents=True)
    for file, blob in ((outside(blobs), "0a"), (blobs / "w.bin", "0b")):
        (snapshot / file.name).symlink_to(Path("../../../blobs") / file.rename(blobs / blob).name)
    np.testing.assert_array_equal(
        onnx.numpy_helper.to_array(read_onnx(snapshot / "net.onnx").graph.initializer[0]), WEIGHTS
    )
    (snapshot / "w.bin").unlink()
    (tmp_path / "w.bin").write_bytes(b"\0" * 24)
    (snapshot / "w.bin").symlink_to("../../../w.bin")
    with pytest.raises(UserError, match=r"are in w.bin, a link to .*, outside of its folder"):
        read_onnx(snapshot / "net.onnx")


@pytest.mark.parametrize("location", ["../w.bin", "onnx/../w.bin", "/etc/hostname"])
def test_weights_are_at_a_plain_path_below_the_graphs_folder(tmp_path: Path, location: str) -> None:
    path = outside(tmp_path)
    model = onnx.load(path, load_external_data=False)
    next(each for each in model.graph.initializer[0].external_data if each.key == "location").value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=rf"are at {location}, outside of its folder"):
        read_onnx(path)


def test_an_output_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    model = graph(ROWS)
    model.graph.output.append(model.graph.output[0])
    onnx.save(model, path := tmp_path / "twice.onnx")
    with pytest.raises(UserError, match=r"twice.onnx: its output 'y' is there twice"):
        read_onnx(path)


def test_a_negative_size_varies_and_an_unknown_datatype_is_refused(tmp_path: Path) -> None:
    model = graph(ROWS)
    kind = model.graph.input[0].type.tensor_type
    kind.shape.dim[0].dim_value = -1
    assert values_of(model, tmp_path)[0][0].sizes == ("", 3)
    kind.elem_type = 77
    with pytest.raises(UserError, match="its input 'x' is of datatype 77, which is not served"):
        values_of(model, tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no graph; is it an ONNX file"),
        (b"no graph at all", "is no ONNX file, or was cut short"),
    ],
)
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (path := tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_onnx(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    content = written(tmp_path, ROWS).read_bytes()
    (path := tmp_path / "net.onnx").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"net.onnx: "):
        read_onnx(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "graph (float[N] x) => (float[N] y) { y = com.foo.Bar(x) }",
            "needs com.foo::Bar, which ONNX Runtime does not",
        ),
    ],
)
def test_a_graph_that_no_runtime_has_is_refused(tmp_path: Path, text: str, words: str) -> None:
    head = '<ir_version: 9, opset_import: ["" : 18, "com.foo" : 1]>'
    with pytest.raises(UserError, match=words):
        read_onnx(written(tmp_path, text, head))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "graph (float8e5m2[N] x) => (float8e5m2[N] y) { y = Identity(x) }",
            "its input 'x' is of FLOAT8E5M2, which",
        ),
        ("graph (seq(float[N]) x) => (int64 y) { y = SequenceLength(x) }", "its input 'x' is a sequence, and tensors"),
        (
            "graph (map(string, float) x) => (float[1, 2] y) { y = ai.onnx.ml.DictVectorizer (x) }",
            "its input 'x' is a map, and tensors alone are served; export the model without the step that takes it",
        ),
        (
            "graph (float[N] x) => (seq(float[N]) s, float[N] y) { s = SplitToSequence(x) y = Neg(x) }",
            "its output 's' is a sequence, and tensors alone are served; --outputs y serves the rest",
        ),
    ],
)
def test_what_no_server_takes_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=words):
        values_of(read_onnx(path), path)


def test_strings_and_bfloat16_are_served(tmp_path: Path) -> None:
    path = written(tmp_path, "graph (string[N] x, bfloat16[N] z) => (string[N] y) { y = Identity(x) }")
    inputs, _ = values_of(read_onnx(path), path)
    assert [(value.datatype, value.dtype.name) for value in inputs] == [("BYTES", "object"), ("BF16", "float32")]


def test_weights_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    model = graph(ROWS)
    model.graph.initializer.append(model.graph.initializer[0])
    onnx.save(model, path := tmp_path / "net.onnx")
    with pytest.raises(UserError, match="its weights 'w' are there twice"):
        read_onnx(path)


@pytest.mark.parametrize("is_key", [False, True])
def test_texts_that_no_server_could_send_are_refused(tmp_path: Path, is_key: bool) -> None:
    model = graph(ROWS)
    if is_key:
        model.graph.node[0].attribute.append(onnx.helper.make_attribute("keys_strings", [b"a", b"\xff"]))
    else:
        words = onnx.TensorProto(
            name="words", dims=(2,), data_type=onnx.TensorProto.STRING, string_data=(b"a", b"\xff")
        )
        model.graph.initializer.append(words)
    onnx.save(model, path := tmp_path / "net.onnx")
    with pytest.raises(UserError, match=r"'(keys_strings|words)'.* have a text that is not UTF-8 \(b'\\xff'\)"):
        read_onnx(path)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({}, None),
        ({"offset": 24}, None),
        ({"offset": 32}, "in net.data, which has 48 bytes; 56 are needed"),
        ({"length": 48}, r"are 48 bytes of net.data; its shape \[3, 2\] has 24"),
        ({"length": 8}, r"are 8 bytes of net.data; its shape \[3, 2\] has 24"),
    ],
)
def test_weights_beside_it_fill_their_shape(tmp_path: Path, place: dict[str, int], words: str | None) -> None:
    """Where the file does not say how many bytes they have, it is as many as their shape has."""
    model = graph(ROWS)
    (weights,) = model.graph.initializer
    weights.CopyFrom(onnx.TensorProto(name=weights.name, dims=(3, 2), data_type=onnx.TensorProto.FLOAT))
    weights.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": "net.data", **place}.items():
        weights.external_data.add(key=key, value=str(value))
    (tmp_path / "net.data").write_bytes(WEIGHTS.tobytes() * 2)
    onnx.save(model, path := tmp_path / "net.onnx")
    if words:
        with pytest.raises(UserError, match=words):
            read_onnx(path)
        return
    assert onnx.numpy_helper.to_array(read_onnx(path).graph.initializer[0]).tolist() == WEIGHTS.tolist()
