"""Completion in a shell: `eval "$(torchferry completion bash)"`, or zsh.

The shell runs the command with the line so far in its environment (argcomplete's protocol). A verb's options come from
the verb's own parser, so its step is imported then, and nothing else.
"""

import argparse
import os
from collections.abc import Sequence
from typing import NoReturn

import argcomplete

from torchferry.arguments import Parser
from torchferry.command import step
from torchferry.verbs import BENCH, VERBS

SHELLS = ("bash", "zsh")


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry completion", description="Prints what the shell is to evaluate.")
    parser.add_argument("shell", choices=SHELLS)
    print(argcomplete.shellcode(["torchferry"], shell=parser.parse_args(arguments).shell))


def complete() -> NoReturn:
    """Answer the shell and end."""
    line, point = os.environ["COMP_LINE"], int(os.environ["COMP_POINT"])
    *_, words, _ = argcomplete.split_line(line, point)
    _, *whole = words  # the command itself first; the word at the cursor is not among them
    verbs = VERBS
    if whole[:1] == ["bench"]:
        verbs, whole = BENCH, whole[1:]
    before = len(words) - len(whole)
    if whole and whole[0] in verbs:
        os.environ["_ARGCOMPLETE"] = str(before + 1)
        step(verbs[whole[0]])(whole[1:])
    choices = argparse.ArgumentParser()
    if verbs is VERBS:
        choices.add_argument("--version", action="store_true")
    choices.add_argument("verb", choices=[*verbs, *(["bench"] if verbs is VERBS else [])])
    os.environ["_ARGCOMPLETE"] = str(before)
    argcomplete.autocomplete(choices)
    raise SystemExit(0)
