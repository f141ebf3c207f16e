"""`torchferry models`: which verbs there are, and what each has to be told."""

import pytest

from torchferry.errors import UserError
from torchferry.serving.torchserve.models_command import main

OF = "digits-torch@1.0"


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("register", "digits.mar"),
        ("rollout", OF, "--archive", "digits.mar", "--keep", "--watch-seconds", "1"),
        ("default", OF),
        ("scale", OF, "2"),
        ("remove", OF),
    ],
)
def test_every_verb_is_for_the_server_of_a_port(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"^--management-port: no server of ours runs here with its management on 1;"):
        main(["--management-port", "1", *arguments])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "the following arguments are required: verb"),
        (("rename", OF), "invalid choice: 'rename'"),
        (("register",), "the following arguments are required: archive"),
        (("scale", OF), "the following arguments are required: workers"),
        (("scale", OF, "two"), "invalid int value: 'two'"),
        (("rollout", OF, "--watch-seconds", "inf"), "inf is not a finite number"),
        (("list", "--management-port"), "--management-port"),
        *((("default", of), f"{of} is not of the form MODEL@VERSION") for of in ("digits", "digits@", "@1.0")),
    ],
)
def test_a_command_that_is_not_whole_is_refused_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        main(list(arguments))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
