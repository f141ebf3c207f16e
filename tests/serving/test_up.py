"""The runtime is chosen first; what else is said is for the runtime's own command."""

import pytest

from torchferry.errors import UserError
from torchferry.serving.up import RUNTIMES, main


@pytest.mark.parametrize("arguments", [[], ["model"], ["--port", "0"]])
def test_without_a_runtime_both_are_named(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="--runtime is missing; choose one of onnx, torchserve; "):
        main(arguments)


def test_a_runtime_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match=r"argument --runtime: invalid choice: 'triton'"):
        main(["--runtime", "triton"])


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_without_a_runtime_says_that_there_are_runtimes(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([option])
    assert "--runtime {onnx,torchserve}" in capsys.readouterr().out


@pytest.mark.parametrize(("runtime", "its_own"), [("onnx", "--max-batch"), ("torchserve", "--gateway")])
def test_help_with_a_runtime_is_that_of_its_command(
    runtime: str, its_own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help", "--runtime", runtime])
    assert ended.value.code == 0
    assert its_own in capsys.readouterr().out


@pytest.mark.parametrize("runtime", list(RUNTIMES))
def test_all_the_rest_goes_to_the_runtime_as_it_is(runtime: str) -> None:
    for rest in (["model", "--no-such", "x"], ["model", "--runtim", "onnx"]):
        with pytest.raises(UserError, match=f"unrecognized arguments: {' '.join(rest[1:])}; torchferry up"):
            main(["--runtime", runtime, *rest])
