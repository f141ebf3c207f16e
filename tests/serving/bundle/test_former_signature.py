"""Signatures that bundles of before hold: read as they were, and refused where they do not cover all that is there."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.serving.keys import write_key
from tests.serving.tiny_bundle import FILE, written_external
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.former_signature import FormerKey
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.errors import BundleError

KEY = ed25519.Ed25519PrivateKey.generate()


def sign_as_before(bundle: Bundle, signature: object = None) -> None:
    path = bundle.root / "model.json"
    content = json.loads(path.read_text())
    by_key = base64.b64encode(KEY.sign(b"torchferry.bundle:" + content["digest"].encode())).decode()
    path.write_text(json.dumps(content | {"signature": by_key if signature is None else signature}))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    made = written_external(tmp_path)
    sign_as_before(made)
    return made


@pytest.fixture
def trusted(tmp_path: Path) -> TrustedKeys:
    return TrustedKeys([write_key(tmp_path, "former", KEY).with_suffix(".pub")])


def test_what_a_trusted_key_signed_before_is_loaded(bundle: Bundle, trusted: TrustedKeys) -> None:
    assert bundles.load(bundle.root, trusted) == bundles.load(bundle.root)


def test_another_key_is_not_enough(bundle: Bundle, tmp_path: Path) -> None:
    others = [ed25519.Ed25519PrivateKey.generate(), None]
    keys = [write_key(tmp_path, str(number), key).with_suffix(".pub") for number, key in enumerate(others)]
    with pytest.raises(BundleError, match="is not signed by a key that --require-signature names"):
        bundles.load(bundle.root, TrustedKeys(keys))


@pytest.mark.parametrize("signature", ["", "AAAA", "é", 7, ["a"], {"a": 1}])
def test_a_signature_that_is_none_is_refused(bundle: Bundle, trusted: TrustedKeys, signature: object) -> None:
    sign_as_before(bundle, signature)
    with pytest.raises(BundleError, match="is not signed by a key"):
        bundles.load(bundle.root, trusted)


def test_files_that_it_does_not_cover_are_refused(bundle: Bundle, trusted: TrustedKeys) -> None:
    (bundle.root / Path(FILE).parent / "more.data").touch()
    with pytest.raises(BundleError, match=r"more\.data: is not listed in "):
        bundles.load(bundle.root, trusted)


def test_a_key_signs_one_digest() -> None:
    key = FormerKey(KEY.public_key())
    signature = base64.b64encode(KEY.sign(b"torchferry.bundle:" + b"00")).decode()
    assert (key.signed("00", signature), key.signed("01", signature)) == (True, False)
