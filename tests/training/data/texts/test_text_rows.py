"""Rows keep their places when some are taken and others are put behind them."""

from torchferry.training.data.texts.text_rows import TextRows, joined


def rows(name: str, *texts: str | None, unread: dict[int, str] | None = None) -> TextRows:
    said = [f"of {text}" for text in texts]
    notes = ("said once",)
    return TextRows(
        name=name, texts=texts, said=said, where=lambda row: f"{name}:{row}", unread=unread or {}, notes=notes
    )


def test_rows_to_test_on_stand_behind_those_to_train_on() -> None:
    both = joined(rows("a", "x", "y"), rows("b", "z", None, unread={1: "is lost"}))
    assert (list(both.texts), list(both.tested or ())) == (["x", "y", "z", None], [False, False, True, True])
    assert [both.where(row) for row in range(len(both))] == ["a:0", "a:1", "b:0", "b:1"]
    assert both.unread == {3: "is lost"}
    assert both.notes == ("said once",)


def test_what_is_taken_keeps_its_place() -> None:
    taken = joined(rows("a", "x", "y"), rows("b", "z", None, unread={1: "is lost"})).taken([1, 3])
    assert (taken.texts, taken.said, taken.tested) == (["y", None], ["of y", "of None"], [False, True])
    assert [taken.where(0), taken.where(1), taken.unread] == ["a:1", "b:1", {1: "is lost"}]
    assert rows("a", "x").taken([]).texts == []
