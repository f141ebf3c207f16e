"""What an evaluation gave, in words."""

from torchferry.training.telemetry.report import in_words

VALUES = {"loss": 0.5, "accuracy": 0.9, "precision": 0.25, "recall": 0.75}


def test_a_line_names_what_is_told_in_that_order() -> None:
    assert in_words(VALUES, ("accuracy", "precision")) == "test accuracy 90.00%, test precision 0.2500"
    assert in_words(VALUES, ("recall",), "validation") == "validation recall 0.7500"


def test_where_nothing_is_told_nothing_is_said() -> None:
    assert in_words(VALUES, ()) == ""
