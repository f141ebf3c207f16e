"""A virtual environment for each peer, so that its dependencies cannot conflict with ours; made when first needed.

They are kept in $TORCHFERRY_CACHE/peers, or in ~/.cache/torchferry/peers, by the hash of what is in them.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from torchferry.benchmarks.servers.unavailable import Unavailable

PINS = Path(__file__).parent
APPS = PINS / "apps"
"""What the peers run: started by their own interpreters, and importing nothing of ours."""


def environment(peer: str) -> Path:
    """The folder of the environment that <peer>.txt pins. Raises Unavailable."""
    target = place(peer)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else may be making it
            if not target.is_dir():
                print(f"servers: installing {peer} in {target}", file=sys.stderr, flush=True)
                _make(target, PINS / f"{peer}.txt")
    except OSError as error:
        raise Unavailable(f"cannot be installed in {target}: {error.strerror}") from error
    return target


def place(peer: str) -> Path:
    """Where its environment is, or will be."""
    cache = Path(os.environ.get("TORCHFERRY_CACHE") or Path.home() / ".cache" / "torchferry")
    digest = hashlib.sha256((PINS / f"{peer}.txt").read_bytes() + sys.version.encode()).hexdigest()
    return cache.resolve() / "peers" / f"{peer}-{digest[:12]}"


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def site_packages(environment: Path) -> Path:
    return environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def pinned(peer: str) -> dict[str, str]:
    """Version by package."""
    lines = (PINS / f"{peer}.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def _make(target: Path, pins: Path) -> None:
    """Under another name until it is whole."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of somebody who was killed
    try:
        # pip is no part of what serves.
        _run(sys.executable, "-m", "venv", "--without-pip", str(unfinished))
        pip = (sys.executable, "-m", "pip", "--python", str(python_of(unfinished)))
        # The pins name all that is needed.
        _run(*pip, "install", "--no-deps", "--requirement", str(pins))
        for script in (unfinished / "bin").iterdir():
            if script.is_file() and not script.is_symlink():
                script.write_bytes(script.read_bytes().replace(bytes(unfinished), bytes(target)))
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error:")]
        raise Unavailable(f"cannot be installed: {(errors or lines or ['it gave no reason'])[-1]}")
