"""A real shell asks the installed program what can follow."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, run_command

BIN = Path(sys.executable).parent
BASH = """
PATH={bin}:$PATH
eval "$(torchferry completion bash)"
COMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9
COMP_WORDS=({line}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
complete -p torchferry | grep -q _python_argcomplete && _python_argcomplete torchferry
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
PATH={bin}:$PATH
autoload -U compinit && compinit -u -d {folder}/dump
eval "$(torchferry completion zsh)"
print $_comps[torchferry]
"""


def completions(line: str) -> set[str]:
    script = BASH.format(bin=BIN, line=line)
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {word.strip() for word in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("torchferry ex", {"export"}),
        ("torchferry pr", {"predict", "promote"}),
        ("torchferry bench s", {"sweep", "slo", "soak", "servers", "scaling"}),
        ("torchferry export --varia", {"--variants"}),
        ("torchferry bench slo --p99", {"--p99-ms"}),
        ("torchferry up --runtime o", {"onnx"}),
        ("torchferry up --runtime onnx --grpc-p", {"--grpc-port"}),
        ("torchferry up --runtime torchserve --gatew", {"--gateway"}),
        ("torchferry train --checkpoint.every_s", {"--checkpoint.every_steps"}),
        ("torchferry train --nproc", {"--nproc-per-node"}),
        ("torchferry fetch --out", {"--output"}),
        ("torchferry new image-", {"image-folder"}),
        ("torchferry new table --targ", {"--target"}),
        ("torchferry describe --mark", {"--markdown"}),
        ("torchferry describe audio_", {"audio_folder", "audio_list"}),
        ("torchferry describe image_", {"image_folder", "image_list", "image_masks", "image_pairs"}),
        ("torchferry evaluate --vari", {"--variant"}),
    ],
)
def test_bash(line: str, expected: set[str]) -> None:
    assert completions(line) == expected


def test_a_verb_that_is_none_completes_to_nothing() -> None:
    assert completions("torchferry nonesuch --") <= {"", "--help", "--version"}


def test_zsh(tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    script = ZSH.format(bin=BIN, folder=tmp_path)
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["_python_argcomplete"]), done.stderr


def test_another_shell_is_refused() -> None:
    done = run_command("-m", "torchferry", "completion", "tcsh")
    assert (done.returncode, done.stdout) == (2, "")
    assert "choose from 'bash', 'zsh'" in done.stderr
