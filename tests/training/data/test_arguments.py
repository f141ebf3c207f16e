"""A source's arguments are refused by their annotated types, in a recipe's words; shared ones stand with its own."""

import inspect
from typing import Any, Literal

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.arguments import at_least, checked, recipe_arguments, takes_arguments_of


@checked
def source(
    name: str = "",
    size: int = 1,
    share: float = 0.5,
    scale: bool = True,
    mode: Literal["RGB", "L"] = "L",
    limit: int | None = None,
    mean: list[float] | None = None,
    labels: list[str] | int = 1,
    columns: dict[str, list[Any]] | None = None,
    anything: Any = None,
) -> dict[str, Any]:
    """Builds nothing."""
    return locals()


@pytest.mark.parametrize(
    "args",
    [
        {"size": -1, "name": ""},
        {"share": 1},
        {"mode": "RGB"},
        {"limit": None},
        {"limit": 3},
        {"mean": [0, 0.5]},
        {"mean": (0.5,)},
        {"mean": []},
        {"labels": 3},
        {"labels": ["a"]},
        {"columns": {"a": [1, "one", None]}},
        {"anything": object()},
    ],
)
def test_what_is_annotated_is_let_through(args: dict[str, Any]) -> None:
    assert args.items() <= source(**args).items()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"name": 3}, "name: 3 is not text"),
        ({"size": 1.0}, "size: 1.0 is not a whole number"),
        ({"size": True}, "size: True is not a whole number"),
        ({"size": None}, "size: None is not a whole number"),
        ({"share": "half"}, "share: 'half' is not a number"),
        ({"share": False}, "share: False is not a number"),
        ({"scale": 1}, "scale: 1 is not true or false"),
        ({"mode": "CMYK"}, "mode: 'CMYK' is not RGB or L"),
        ({"limit": "3"}, "limit: '3' is not a whole number or null"),
        ({"mean": 0.5}, "mean: 0.5 is not a list of which each is a number or null"),
        ({"mean": [0.5, "a"]}, "mean: [0.5, 'a'] is not a list of which each is a number or null"),
        ({"labels": [1]}, "labels: [1] is not a list of which each is text or a whole number"),
        ({"columns": {1: []}}, "columns: {1: []} is not a mapping or null"),
        ({"columns": {"a": 1}}, "columns: {'a': 1} is not a mapping or null"),
    ],
)
def test_another_type_is_refused_with_what_would_be_right(args: dict[str, Any], words: str) -> None:
    assert refusal(lambda: source(**args)) == f"data.source.args.{words}"


def test_arguments_by_position_are_checked_and_given_on() -> None:
    assert source("a", 2, share=1).items() >= {"name": "a", "size": 2, "share": 1}.items()
    assert refusal(lambda: source("a", "b")) == "data.source.args.size: 'b' is not a whole number"  # type: ignore[arg-type]
    assert source.__name__ == "source"
    assert source.__doc__ == "Builds nothing."


def test_a_long_value_is_cut() -> None:
    assert refusal(lambda: source(size="x" * 200)) == (  # type: ignore[arg-type]
        f"data.source.args.size: '{'x' * 76}... is not a whole number"
    )
    assert f"'{'x' * 78}' is not" in refusal(lambda: source(size="x" * 78))  # type: ignore[arg-type]


def test_the_arguments_may_stand_under_another_key() -> None:
    def image(height: int) -> int:
        return height

    assert checked(image, "data.image")(4) == 4
    assert refusal(lambda: checked(image, "data.image")(None)) == "data.image.height: None is not a whole number"  # type: ignore[arg-type]


def test_a_number_below_the_least_is_too_small() -> None:
    at_least(1, size=1, limit=None)
    assert refusal(lambda: at_least(1, size=3, limit=0)) == ("data.source.args.limit: 0 is too small; give 1 or more")
    assert refusal(lambda: at_least(2, "data.image", width=1)) == "data.image.width: 1 is too small; give 2 or more"


def area(height: int, width: int = 2, what: str = "area") -> str:
    """Height times width.

    Args:
        height: In pixels.
        width: As height.
    """
    return f"{what} {height * width}"


@checked
@takes_arguments_of(size=area)
def pictures(root: str, size: str, limit: int | None = None) -> tuple[str, str, int | None]:
    """Pictures of one size.

    Args:
        root: Their folder.
        limit: How many.
    """
    return root, size, limit


def test_what_sources_share_is_made_before_the_source_is_called() -> None:
    assert pictures(root="a", height=3) == ("a", "area 6", None)
    assert pictures("a", 3, 4, limit=1) == ("a", "area 12", 1)


def test_what_sources_share_is_checked_as_their_own() -> None:
    assert refusal(lambda: pictures(root="a", height="3")) == "data.source.args.height: '3' is not a whole number"
    for args in ({"root": "a"}, {"root": "a", "height": 1, "size": "area 1"}, {"root": "a", "height": 1, "what": "x"}):
        with pytest.raises(TypeError):
            pictures(**args)


def test_signature_and_docstring_have_it_in_the_place_of_what_is_made() -> None:
    assert str(inspect.signature(pictures)).startswith(
        "(root: str, height: int, width: int = 2, limit: int | None = None)"
    )
    assert [*recipe_arguments(pictures)] == ["root", "height", "width", "limit"]
    assert inspect.getdoc(pictures) == (
        "Pictures of one size.\n\nArgs:\n    root: Their folder.\n    limit: How many.\n"
        "    height: In pixels.\n    width: As height."
    )


def test_what_is_made_may_have_arguments_by_name_alone_and_a_default_for_each() -> None:
    def form(*, sign: str = ",") -> str:
        """Without a section of arguments."""
        return sign

    @takes_arguments_of(form=form)
    def table(path: str = "t.csv", *, form: str, target: str | None = None) -> tuple[str, str, str | None]:
        return path, form, target

    assert table() == ("t.csv", ",", None)
    assert table(sign=";", target="y") == ("t.csv", ";", "y")
