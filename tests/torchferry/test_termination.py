"""Programs that get SIGTERM at a bad moment."""

import pytest

from tests.commands import run_python

PROGRAM = """
import os, signal, sys, time
from torchferry.termination import ends_at_sigterm

def signalled():
    os.kill(os.getpid(), signal.SIGTERM)

with ends_at_sigterm():
"""
SWALLOWED = """
    try:
        signalled()
    except:
        pass
    time.sleep(60)
"""
PRINTED = """
    class Broken:
        def __del__(self):
            signalled()

    sys.unraisablehook = lambda _: None
    broken = Broken()
    del broken
    time.sleep(60)
"""
MADE_ANOTHER = """
    try:
        signalled()
    except BaseException as error:  # as a C module does that is just being imported
        raise ImportError("initialization failed") from error
"""
AT_THE_END = """
    try:
        signalled()
    except:
        pass
"""


@pytest.mark.parametrize(
    "program",
    [SWALLOWED, PRINTED, MADE_ANOTHER, AT_THE_END],
    ids=["swallowed", "printed", "made another", "at the end"],
)
def test_a_signal_ends_a_program_whatever_a_library_makes_of_it(program: str) -> None:
    done = run_python("-c", PROGRAM + program)
    assert (done.returncode, done.stderr) == (143, "")


def test_what_cleans_up_is_not_disturbed() -> None:
    program = """
    try:
        signalled()
    finally:
        try:
            raise OSError
        except OSError:
            time.sleep(0.7)
        time.sleep(0.7)
        print("cleaned up")
"""
    done = run_python("-c", PROGRAM + program)
    assert (done.returncode, done.stdout, done.stderr) == (143, "cleaned up\n", "")


def test_who_takes_it_goes_on_to_an_end_of_his_own() -> None:
    program = """
    try:
        signalled()
    except SystemExit as error:
        take(error)
    time.sleep(0.7)
    print("what was finished")
"""
    done = run_python("-c", PROGRAM.replace("ends_at_sigterm\n", "ends_at_sigterm, take\n") + program)
    assert (done.returncode, done.stdout, done.stderr) == (143, "what was finished\n", "")


def test_without_a_signal_an_error_stays_what_it_is() -> None:
    done = run_python("-c", PROGRAM + '    raise ValueError("x")')
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ValueError: x")
