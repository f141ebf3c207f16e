"""A signed archive is signed with its code, and what is served is a copy of what was checked."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import run_command
from tests.serving.keys import write_key
from tests.serving.tiny_bundle import VARIANT, written_external
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.errors import BundleError
from torchferry.serving.torchserve.archive import archive
from torchferry.serving.torchserve.archive_signature import copy_signed
from torchferry.serving.torchserve.up_torchserve import find_archives


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path, "ours")


@pytest.fixture
def trusted(key: Path) -> TrustedKeys:
    return TrustedKeys([key.with_suffix(".pub")])


@pytest.fixture
def signed(tmp_path: Path, key: Path) -> Path:
    [path] = archive(written_external(tmp_path), tmp_path / "store", [VARIANT], key=SigningKey(key))
    return path


def test_what_was_signed_is_served_as_a_copy(signed: Path, trusted: TrustedKeys, tmp_path: Path) -> None:
    [found] = find_archives([signed.parent], tmp_path / "made", trusted)
    assert (found.name, found.read_bytes()) == (signed.name, signed.read_bytes())
    assert not found.samefile(signed)


def test_their_command_takes_the_signature(signed: Path, key: Path) -> None:
    signature, public = f"{signed}.sig", key.with_suffix(".pub")
    done = run_command("-m", "model_signing", "verify", "key", signed, "--signature", signature, "--public_key", public)
    assert "Verification succeeded" in done.stdout, done.stderr


def other_code(path: Path) -> None:
    """The same archive but for one line of the handler, as somebody would make it who may write where it lies."""
    with zipfile.ZipFile(path) as mar:
        members = {name: mar.read(name) for name in mar.namelist()}
    with zipfile.ZipFile(path, "w") as mar:
        for name, content in members.items():
            mar.writestr(name, b"import evil\n" + content if name == "handler.py" else content)


def one_more_byte(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


def no_signature(path: Path) -> None:
    Path(f"{path}.sig").unlink()


def no_signature_at_all(path: Path) -> None:
    Path(f"{path}.sig").write_text("{}")


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (other_code, "is not what was signed"),
        (one_more_byte, "is not what was signed"),
        (no_signature, "is not signed, and has to be"),
        (no_signature_at_all, "is not signed by a key"),
    ],
)
def test_another_is_refused(
    signed: Path, trusted: TrustedKeys, tmp_path: Path, alter: Callable[[Path], None], words: str
) -> None:
    alter(signed)
    with pytest.raises(BundleError, match=words):
        copy_signed(signed, tmp_path / "copy.mar", trusted)
    assert not (tmp_path / "copy.mar").exists()
    with pytest.raises(BundleError, match=words):
        find_archives([signed], tmp_path / "made", trusted)


def test_the_signature_of_another_archive_is_not_enough(signed: Path, trusted: TrustedKeys) -> None:
    one_more_byte(other := Path(shutil.copyfile(signed, signed.with_name("other.mar"))))
    shutil.copyfile(f"{signed}.sig", f"{other}.sig")
    with pytest.raises(BundleError, match="is not what was signed"):
        copy_signed(other, other.with_name("copy.mar"), trusted)
