"""What an evaluation gave, in words, the loss left out."""

from torchferry.training.telemetry.report import in_words


def test_a_line_names_all_values_but_the_loss_in_their_order() -> None:
    values = {"loss": 0.5, "accuracy": 0.9, "precision": 0.25}
    assert in_words(values) == "test accuracy 90.00%, test precision 0.2500"


def test_a_loss_alone_leaves_nothing_to_say() -> None:
    assert in_words({"loss": 0.5}) == ""
