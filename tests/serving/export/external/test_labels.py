"""Labels are of the one output, or of each output by its name, and there is one for each class."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.labels import Labels, labelled, read_labels

AB, XYZ = ("a", "b"), ("x", "y", "z")


def spec(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, datatype="FP32", shape=(-1, *shape))


KIND, COLOUR, BOX, MAP = spec("kind", 2), spec("colour", 3), spec("box", 4), spec("map", 2, 8, 8)
ORDER = replace(spec("order", 2), datatype="INT64")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, labels in {"ab": AB, "xyz": XYZ, "with=sign": AB}.items():
        (tmp_path / name).write_text("".join(f"{label}\n" for label in labels))
    (tmp_path / "empty").write_text("\n \n")
    return tmp_path


def test_a_file_is_of_the_one_output_and_others_are_by_name(files: Path) -> None:
    assert read_labels([]) == Labels()
    assert read_labels(["ab"]) == read_labels([str(files / "ab")]) == Labels(AB)
    assert read_labels(["with=sign"]) == Labels(AB)  # a file that is there
    assert [read_labels(given).only for given in (["ab"], ["kind=ab"], ["kind=ab", "box=xyz"])] == [AB, AB, ()]
    assert read_labels(["kind=ab", "aux.colour=xyz"]) == Labels((), {"kind": AB, "aux.colour": XYZ})


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["no"], "cannot read no (No such file or directory)"),
        (["kind=no"], "cannot read no (No such file or directory)"),
        (["empty"], "empty is empty; one class a line is expected"),
        (["ab", "xyz"], "is given more than once; say OUTPUT=FILE for each output"),
        (["ab", "kind=xyz"], "is given more than once; say OUTPUT=FILE for each output"),
        (["kind=ab", "kind=xyz"], "kind has two files; give it one"),
    ],
)
def test_what_is_not_understood_is_refused(given: list[str], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"--labels: {words}")):
        read_labels(given)


@pytest.mark.parametrize("labels", [Labels(AB), Labels((), {"kind": AB})])
def test_one_output_of_no_known_task_is_answered_by_labels_as_one_of_several_is(labels: Labels) -> None:
    assert labelled((KIND,), labels) == ((replace(KIND, labels=AB),), AB)
    assert labelled((COLOUR,), Labels())[1] == ()


def test_several_outputs_have_labels_of_their_own() -> None:
    outputs, alone = labelled((KIND, BOX, COLOUR), Labels((), {"colour": XYZ, "kind": AB}))
    assert [output.labels for output in outputs] == [AB, None, XYZ]
    assert alone == ()


@pytest.mark.parametrize(
    ("outputs", "labels", "words"),
    [
        ((KIND,), Labels(XYZ), "--labels: has 3 classes, but the model knows 2 in kind"),
        ((KIND, COLOUR), Labels((), {"colour": AB}), "has 2 classes, but the model knows 3 in colour"),
        ((KIND, COLOUR), Labels(AB), "--labels: of which output? say kind=FILE, or another; the model has "
                                                "kind, colour"),
        ((KIND, COLOUR), Labels((), {"color": XYZ}), "there is no output 'color'; did you mean colour?"),
        ((KIND, COLOUR), Labels((), {"q": XYZ}), "there is no output 'q'; the model has kind, colour"),
        ((MAP,), Labels(AB), "the output map is [-1, 2, 8, 8]; labels are for scores, [batch, classes]"),
        ((KIND, ORDER), Labels((), {"order": AB}),
         "the output order is INT64; labels are for scores, floating-point numbers of [batch, classes]"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_by_name(outputs: tuple[TensorSpec, ...], labels: Labels, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        labelled(outputs, labels)
