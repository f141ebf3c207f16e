"""Names that a protocol, Triton or ONNX would not take are changed in one way, each once, and it is said."""

import pytest

from torchferry.serving.export.external.tensor_names import NAME, legal_names


def test_legal_names_stay_and_nothing_is_said() -> None:
    names = ["scores", "aux.logits", "_x", "a-b", "output_0", "class", "self"]
    assert legal_names(names, ["row"]) == (names, [])


@pytest.mark.parametrize(
    ("name", "legal"),
    [("two words", "two_words"), ("größe", "gr__e"), ("0", "output_0"), ("", "output"), ("a/b:c", "a_b_c"), ("猫", "_"),
     ("-x", "output_-x")],
)  # fmt: skip
def test_what_no_name_may_have_is_replaced(name: str, legal: str) -> None:
    (found,), (said,) = legal_names([name])
    assert found == legal
    assert NAME.fullmatch(found)
    assert said == (
        f"--model: its output {name!r} is called {legal}, as a name is ASCII letters, digits, '_', '-' and '.', of "
        "which a letter or '_' is the first"
    )


def test_an_output_is_not_called_as_an_input() -> None:
    assert legal_names(["row", "row_output"], ["row"]) == (
        ["row_output_1", "row_output"],
        ["--model: its output 'row' is called row_output_1, as an input has that name"],
    )
    assert legal_names(["row"], ["row"])[0] == ["row_output"]
    assert legal_names(["row"], ["row", "row_output", "row_1"])[0] == ["row_output_1"]


def test_each_name_is_there_once() -> None:
    names, said = legal_names(["a b", "a_b", "a:b", "a_b"])
    assert names == ["a_b_1", "a_b", "a_b_2", "a_b_3"]
    assert said[-1].endswith("is called a_b_3, as another output has that name")
