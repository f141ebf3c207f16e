"""A program is compiled when it is first asked, and answers as it did before."""

from pathlib import Path

import numpy as np
import pytest
import torch

from torchferry.serving.session.compiled_session import CompiledSession

# To pickle a function, the compiler's cache asks every loaded module for every name; jsonargparse warns of old ones.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def session(table: Path) -> CompiledSession:
    return CompiledSession(table, ["words"], ["vectors"], torch.get_num_threads())


def test_what_is_asked_is_compiled(session: CompiledSession) -> None:
    with torch.compiler.set_stance("fail_on_recompile"), pytest.raises(RuntimeError, match="recompile"):
        session.run({"words": np.array([[0]])})


def test_without_a_compiler_it_is_the_program_that_was_exported(session: CompiledSession) -> None:
    with torch.compiler.set_stance("force_eager"):
        answered = session.run({"words": np.array([[2], [0]])})
    assert answered["vectors"].tolist() == [[[4, 5]], [[0, 1]]]
