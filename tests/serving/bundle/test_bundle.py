import dataclasses
import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.serving import tiny_bundle
from tests.serving.tiny_bundle import FILE, VARIANT, described, written, written_external, written_table
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.contract.tasks.find import task_of
from torchferry.contract.tasks.heads import Heads
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.errors import BundleError
from torchferry.serving.onnx_server.models.repository import sources
from torchferry.serving.onnx_server.models.sessions import open_sessions
from torchferry.serving.session import open_variant


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


def change(bundle: Path, **values: object) -> None:
    """As somebody would who makes the digest fit."""
    path = bundle / "model.json"
    content = json.loads(path.read_text()) | values
    said = {key: value for key, value in content.items() if key not in ("schema", "digest")}
    content["digest"] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))


def test_a_changed_number_in_model_json_is_found(copy: Path) -> None:
    path = copy / "model.json"
    path.write_text(path.read_text().replace('"status": "accepted"', '"status": "acceptee"', 1))
    with pytest.raises(BundleError, match="is damaged, or was edited"):
        bundles.load(copy)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "", "a b"])
def test_a_name_that_is_a_path_is_refused(copy: Path, name: str) -> None:
    change(copy, name=name)
    with pytest.raises(BundleError, match="cannot be a name"):
        bundles.load(copy)


@pytest.mark.parametrize("version", ["../outside", "", "a/b", 1])
def test_a_version_that_is_a_path_is_refused(copy: Path, version: object) -> None:
    change(copy, version=version)
    with pytest.raises(BundleError, match=r"cannot be a name|cannot be read"):
        bundles.load(copy)


def test_model_json_comes_back_as_it_was_written(bundle: Path, tmp_path: Path) -> None:
    loaded = bundles.load(bundle)
    bundles.write(dataclasses.replace(loaded, root=tmp_path))
    assert (tmp_path / "model.json").read_text() == (bundle / "model.json").read_text()


def test_a_limit_of_samples_together_comes_back_and_is_none_where_none_was_said(copy: Path) -> None:
    assert bundles.load(copy).max_batch is None
    change(copy, max_batch=1)
    assert bundles.load(copy).max_batch == 1
    path = copy / "model.json"
    content = json.loads(path.read_text())
    del content["max_batch"]
    path.write_text(json.dumps(content))
    change(copy)
    assert bundles.load(copy).max_batch is None


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "1"])
def test_a_limit_that_is_none_is_refused(copy: Path, limit: object) -> None:
    change(copy, max_batch=limit)
    with pytest.raises(BundleError, match=r"its max_batch is .*; it is a whole number above 0, or null"):
        bundles.load(copy)


def test_every_file_has_a_checksum(bundle: Path) -> None:
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert bundles.load(bundle).files.keys() == files - {"model.json"}


@pytest.mark.parametrize("variant", ["torch", "onnx-fp32"])
def test_a_flipped_bit_is_found(copy: Path, variant: str) -> None:
    loaded = bundles.load(copy)
    file = copy / loaded.variants[variant].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=rf"{file.name}: is damaged"):
        open_variant(loaded, variant, threads=1)


@pytest.mark.parametrize("name", ["inputs.npz", "outputs.npz"])
def test_a_flipped_bit_in_the_golden_samples_is_found(copy: Path, name: str) -> None:
    file = copy / "golden" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name}: is damaged"):
        bundles.load(copy).golden()


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "golden" / "inputs.npz").unlink()
    with pytest.raises(BundleError, match=r"inputs.npz: is missing"):
        bundles.load(copy).golden()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_path_out_of_the_bundle_is_refused(copy: Path, name: str) -> None:
    change(copy, files={name: "0" * 64})
    with pytest.raises(BundleError, match="outside the bundle"):
        bundles.load(copy)


def test_a_newer_schema_is_refused(copy: Path) -> None:
    change(copy, schema="torchferry.bundle/3")
    with pytest.raises(BundleError, match=r"has schema torchferry.bundle/3; this version reads"):
        bundles.load(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"schema": "torchferry.bundle/2"}', '"text"', 99999 * "["])
def test_a_broken_model_json_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(BundleError) as refused:
        bundles.load(tmp_path)
    assert "\n" not in str(refused.value)


def test_what_the_file_system_refuses_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match=r"cannot be read \(File name too long\)"):
        bundles.load(tmp_path / (300 * "x"))
    with pytest.raises(UserError, match=r"^x{200}: cannot be looked up \(File name too long\)"):
        sources(5000 * "x", None)

    def denied(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    (tmp_path / "model.json").touch()
    monkeypatch.setattr(Path, "read_bytes", denied)  # chmod would not do: root may read everything
    with pytest.raises(BundleError, match=r"model.json: cannot be read \(Permission denied\)"):
        bundles.load(tmp_path)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        bundles.load(tmp_path)


def test_labels_are_of_an_output_or_else_of_the_bundle(tmp_path: Path) -> None:
    loaded = written(tmp_path)
    assert loaded.labels_of("probabilities") == ("no", "yes")
    outputs = (*loaded.outputs, TensorSpec(name="kind", datatype="FP32", shape=(-1, 3), labels=("a", "b", "c")))
    bundles.write(dataclasses.replace(loaded, outputs=outputs))
    again = bundles.load(loaded.root)
    assert again.outputs == outputs
    assert (again.labels_of("kind"), again.labels_of("probabilities")) == (("a", "b", "c"), ("no", "yes"))


KINDS = {"kind": ("a",), "size": None}
"""The labels of two heads' outputs."""


def test_labels_of_several_heads_are_no_single_outputs() -> None:
    task = Heads(
        heads={"kind": {"name": "classification"}, "size": {"name": "regression"}}, labels=("kind: a", "size: b")
    )
    specs = [TensorSpec(name=name, datatype="FP32", shape=(-1, 1), labels=own) for name, own in KINDS.items()]
    heads = described(task=task, outputs=tuple(specs))
    assert [heads.labels_of(name) for name in KINDS] == [("a",), ()]


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("binary", ("no", "yes")),
        ({"name": "multilabel", "thresholds": [0.25, 0.75]}, ("cat", "dog")),
        ({"name": "regression", "mean": [1.0], "std": [2.0]}, ("price",)),
    ],
)
def test_a_task_comes_back_with_its_settings_and_labels(
    tmp_path: Path, task: dict[str, object] | str, labels: tuple[str, ...]
) -> None:
    made = tiny_bundle.described(tmp_path, task=task_of(task, labels))
    bundles.write(made)
    content = json.loads((tmp_path / "model.json").read_text())
    assert (content["task"], content["labels"]) == (task, [*labels])
    assert bundles.load(tmp_path) == made


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("binery", "model.json: is of a task 'binery' that this version does not know"),
        ("os.path", "model.json: is of a task 'os.path' that this version does not know"),
        ({"name": "multilabel", "thresholds": 2}, "model.json: task.args.thresholds: 2 is no threshold"),
        ({"name": "binary", "cut": 0.3}, "model.json: task.args.cut: unknown setting of binary"),
        ({"name": "multilabel", "thresholds": "tuned"}, "its task's thresholds are not decided"),
        ({"name": "segmentation", "ignore_index": 200.5}, "task.args.ignore_index: 200.5 is not a whole number"),
        ({"name": "regression", "mean": "x", "std": [1]}, "task.args.mean: 'x' is no list of numbers"),
        ({"name": "detection", "candidates": 0}, "model.json: task.args.candidates: 0 is not a whole number"),
        ({"name": "heads", "heads": 3}, "model.json: task.args.heads: 3 has no head"),
        ("detection", "its task has boxes, labels, scores, count, and its graph gives probabilities"),
        ({"thresholds": 0.3}, "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_task_that_is_none_is_refused_in_one_line(tmp_path: Path, task: object, words: str) -> None:
    bundles.write(tiny_bundle.described(tmp_path))
    change(tmp_path, task=task)
    with pytest.raises(BundleError, match=words) as refused:
        bundles.load(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("labels", ["yes", ["no", 1], [["no"]], None])
def test_labels_are_names(tmp_path: Path, labels: object) -> None:
    bundles.write(tiny_bundle.described(tmp_path))
    change(tmp_path, labels=labels)
    with pytest.raises(BundleError, match="a list of names is expected") as refused:
        bundles.load(tmp_path)
    assert "\n" not in str(refused.value)


def test_scores_of_before_are_accuracies(tmp_path: Path) -> None:
    bundles.write(tiny_bundle.described(tmp_path))
    for accuracy, metric in ((0.75, "accuracy"), (None, None)):
        change(tmp_path, reference={"samples": 8, "accuracy": accuracy})
        assert bundles.load(tmp_path).reference == {"samples": 8, "metric": metric, "score": accuracy}


DECODE = {"kind": "image", "mode": "RGB", "height": 2, "width": 3, "interpolation": "bilinear"}


def test_a_bundle_that_does_not_say_how_pictures_are_resized_squashes_them(tmp_path: Path) -> None:
    bundles.write(tiny_bundle.described(tmp_path))
    change(tmp_path, decode=DECODE)
    decode = bundles.load(tmp_path).inputs[0].image
    assert decode is not None
    assert (decode.resize, decode.fraction, decode.antialias, decode.fill) == ("squash", 1.0, True, ())


def test_how_pictures_are_resized_comes_back(tmp_path: Path) -> None:
    said = ImageDecode(**DECODE, resize="pad", fraction=0.875, antialias=False, fill=(1, 2, 3))  # type: ignore[arg-type]
    inputs = tuple(
        TensorSpec(name=name, datatype="UINT8", shape=(-1, 3, 2, 3), decode=decode)
        for name, decode in (("left", said), ("right", ImageDecode(**DECODE)), ("pixels", None))  # type: ignore[arg-type]
    )
    bundles.write(tiny_bundle.described(tmp_path, inputs=inputs))
    assert bundles.load(tmp_path).inputs == inputs
    assert [spec.name for spec in bundles.load(tmp_path).pictures] == ["left", "right"]


def test_a_bundle_of_before_says_of_all_inputs_how_the_first_is_decoded(tmp_path: Path) -> None:
    inputs = tuple(TensorSpec(name=name, datatype="UINT8", shape=(-1, 3, 2, 3)) for name in ("image", "pixels"))
    bundles.write(tiny_bundle.described(tmp_path, inputs=inputs))
    assert "decode" not in json.loads((tmp_path / "model.json").read_text())
    for former, pictures in ((None, []), (DECODE, ["image"])):
        change(tmp_path, decode=former)
        assert [spec.name for spec in bundles.load(tmp_path).pictures] == pictures


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"resize": "stretch"}, "decode.resize: stretch is not one of squash, crop, pad"),
        ({"interpolation": "mitchell"}, "decode.interpolation: mitchell is not one of nearest, "),
        ({"fraction": 2}, "decode.fraction: 2 is not from 0.1 to 1"),
        ({"sharpen": True}, "unexpected keyword argument 'sharpen'"),
    ],
)
def test_a_resize_of_a_later_version_is_refused_and_not_guessed(
    words: dict[str, object], message: str, tmp_path: Path
) -> None:
    bundles.write(tiny_bundle.described(tmp_path))
    change(tmp_path, decode=DECODE | words)
    with pytest.raises(BundleError, match=message):
        bundles.load(tmp_path)


def test_a_tables_columns_come_back_and_what_is_not_said_is_not_written(tmp_path: Path) -> None:
    table = TableSpec(
        columns=(Encoder(column="age", fill=30.0), Encoder(column="sex", kind="category", categories=("f", "m")))
    )
    made = written_table(tmp_path, table, np.zeros((1, 3), np.float32))
    loaded = bundles.load(made.root)
    assert loaded == made
    assert loaded.table == loaded.inputs[0]
    content = json.loads((made.root / "model.json").read_text())
    assert content["inputs"][0].keys() == {"name", "datatype", "shape", "allow_nan", "table"}
    assert content["outputs"][0].keys() == {"name", "datatype", "shape"}


def test_a_bundle_of_before_says_nothing_of_nan_or_columns(tmp_path: Path) -> None:
    made = bundles.load(written(tmp_path).root)
    assert (made.inputs[0].allow_nan, made.inputs[0].table, made.table) == (None, None, None)


def weights_altered(root: Path) -> None:
    weights = root / f"{FILE}.data"
    weights.write_bytes(np.float32(2).tobytes() + weights.read_bytes()[4:])


def weights_elsewhere(root: Path) -> None:
    """What the graph is loaded from is listed nowhere."""
    (root / f"{FILE}.data").rename(root / Path(FILE).parent / "other.data")


def another_file(root: Path) -> None:
    (root / Path(FILE).parent / "more.data").touch()


def link_to_a_folder(root: Path) -> None:
    (root / Path(FILE).parent / "more").symlink_to(root / "golden")


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (weights_altered, r"model\.onnx\.data: is damaged"),
        (weights_elsewhere, r"other\.data: is not listed"),
        (another_file, r"more\.data: is not listed"),
        (link_to_a_folder, "more: is not listed"),
    ],
)
def test_a_variant_is_loaded_from_nothing_but_what_was_exported(
    tmp_path: Path, alter: Callable[[Path], None], words: str
) -> None:
    bundle = written_external(tmp_path)
    open_variant(bundle, VARIANT, 1)
    alter(bundle.root)
    with pytest.raises(BundleError, match=words):
        open_variant(bundle, VARIANT, 1)
    with pytest.raises(BundleError, match=words):
        open_sessions(bundle, VARIANT, 1, 1, "cpu")


def test_a_folder_is_whole_while_it_holds_what_was_exported_and_no_more(tmp_path: Path) -> None:
    bundle = written_external(tmp_path)
    (bundle.root / "model.sig").touch()
    bundle.check_whole()
    (bundle.root / "golden" / "more.npz").touch()
    with pytest.raises(BundleError, match=r"golden/more\.npz: is not listed in .*model\.json"):
        bundle.check_whole()
    (bundle.root / "golden" / "more.npz").unlink()
    (bundle.root / "golden" / "inputs.npz").unlink()
    with pytest.raises(BundleError, match=r"golden/inputs\.npz: is missing"):
        bundle.check_whole()
