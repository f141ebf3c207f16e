"""`torchferry <verb> ...`: find the verb's step, run it, and turn what goes wrong into an exit code."""

import difflib
import errno
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from torchferry import __version__
from torchferry.errors import GateError, ServerFault, StoreRefused, UserError, in_one_line
from torchferry.termination import CODE as TERMINATED
from torchferry.termination import Terminated, ends_at_sigterm
from torchferry.verbs import BENCH, VERBS, Verb

OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
HELP = ("-h", "--help")


def script() -> int:
    """The program `torchferry`."""
    return main(sys.argv[1:])


def main(arguments: Sequence[str]) -> int:
    """The exit code of `arguments`: 0 done, 2 wrong input, 3 a gate refused, 1 a server or the machine failed."""
    try:
        with ends_at_sigterm():
            code = _run(arguments)
            if sys.stdout is not None:  # it was closed before the start
                sys.stdout.flush()
            return code
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Its exit code, once it is said; a bug of ours is raised again."""
    if isinstance(error, (UserError, GateError, ServerFault)):
        # A fault may quote lines of a server's log; all else is one line, whatever names of the user's it repeats.
        print(f"torchferry: {error if isinstance(error, ServerFault) else in_one_line(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, (UserError, StoreRefused)) else 3 if isinstance(error, GateError) else 1
    if isinstance(error, BrokenPipeError):  # whoever read it has gone; so that flushing at the end does not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    if isinstance(error, OSError):
        file = error.filename2 or error.filename
        if error.errno == errno.ENAMETOOLONG:
            print(f"torchferry: {in_one_line(str(file))}: {error.strerror}", file=sys.stderr)
            return 2
        if error.errno in OF_THE_DISK or (isinstance(error, PermissionError) and file):
            print(f"torchferry: {file or 'the disk'}: {error.strerror}", file=sys.stderr)
            return 1
    raise error


def step(verb: Verb) -> Callable[[Sequence[str]], Any]:
    """The function behind a verb; its module is imported only now."""
    if verb.your_code and not sys.flags.safe_path:
        with suppress(OSError):  # the working directory may be gone
            if os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())
    module, _, function = verb.entry.partition(":")
    try:
        return getattr(importlib.import_module(module), function or "main")
    except ModuleNotFoundError as error:
        raise UserError(_missing(error, verb)) from error


def _run(arguments: Sequence[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        from torchferry.completion import complete

        complete()
    name, verbs = "torchferry", VERBS
    if arguments[:1] == ["bench"]:
        name, verbs, arguments = "torchferry bench", BENCH, arguments[1:]
    elif arguments[:1] == ["--version"]:
        print(f"torchferry {__version__}")
        return 0
    if not arguments or arguments[0] in HELP:
        print("\n".join(_help(name, verbs)))
        return 0 if arguments else 2
    word, *rest = arguments
    if word not in verbs:
        raise UserError(_unknown(word, name, verbs))
    run = step(verbs[word])
    if any(word in HELP for word in rest):
        print(f"example: torchferry {verbs[word].example}\n", flush=True)
    return run(rest) or 0


def _missing(error: ModuleNotFoundError, verb: Verb) -> str:
    extras = {"training": "[train]", "serving": "[serve]", "benchmarks": "[bench]"}
    return f"{error.name} is not installed; pip install 'torchferry{extras.get(verb.entry.split('.')[1], '')}'"


def _help(name: str, verbs: Mapping[str, Verb]) -> Iterator[str]:
    yield f"usage: {name} <verb> ...    {name} <verb> --help says more\n"
    for word, verb in verbs.items():
        yield f"  {word:10} {verb.purpose}"
    if verbs is VERBS:
        yield f"  {'bench':10} measure: {', '.join(BENCH)}\n"
        yield "  --version"


def _unknown(word: str, name: str, verbs: Mapping[str, Verb]) -> str:
    if word.startswith("-"):
        return f"{word}: {name} begins with a verb; {name} --help lists them"
    if verbs is VERBS and word in BENCH:
        return f"there is no verb '{word}'; did you mean torchferry bench {word}?"
    known = [*verbs, "bench"] if verbs is VERBS else list(verbs)
    nearest = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"choose one of {', '.join(known)}"
    return f"there is no verb '{word}' of {name}; {hint}"
