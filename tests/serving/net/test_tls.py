"""New connections get the certificate that the files hold now, or the one of before where they hold none."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.serving.certificates import write_certificate
from torchferry.errors import UserError
from torchferry.serving.net.tls import Certificate

REFUSED = "^--tls-certificate: .* are no PEM certificate and its key without a passphrase"


def load(folder: Path) -> Certificate:
    return Certificate(folder / "certificate.pem", folder / "key.pem")


def put(path: Path, content: bytes) -> None:
    """As a tool that renews certificates does it: another file under the same name."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def shown_serial(certificate: Certificate) -> int:
    """What a client sees that connects now."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_bio(to_client, to_server)
    server = certificate.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    shown = client.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown).serial_number


def test_what_the_files_hold_is_shown_and_given_to_grpc(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, 1)
    loaded = load(tmp_path)
    assert shown_serial(loaded) == 1
    assert loaded.pems == (key, certificate)
    assert loaded.grpc_credentials() is not None


def test_a_new_certificate_is_shown_once_its_key_is_there(tmp_path: Path) -> None:
    write_certificate(tmp_path, 1)
    loaded = load(tmp_path)
    old = loaded.pems
    (tmp_path / "second").mkdir()
    certificate, key = write_certificate(tmp_path / "second", 2)
    put(tmp_path / "certificate.pem", certificate)
    with pytest.raises(UserError, match=REFUSED):
        loaded.refresh()
    assert (shown_serial(loaded), loaded.pems) == (1, old)
    put(tmp_path / "key.pem", key)
    loaded.refresh()
    assert (shown_serial(loaded), loaded.pems) == (2, (key, certificate))


def test_a_file_that_is_gone_leaves_the_certificate_of_before(tmp_path: Path) -> None:
    write_certificate(tmp_path, 1)
    loaded = load(tmp_path)
    (tmp_path / "key.pem").unlink()
    with pytest.raises(UserError, match=REFUSED):
        loaded.refresh()
    assert shown_serial(loaded) == 1


@pytest.mark.parametrize("text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(tmp_path: Path, text: str) -> None:
    write_certificate(tmp_path, 1)
    (tmp_path / "certificate.pem").write_text(text)
    with pytest.raises(UserError, match=REFUSED):
        load(tmp_path)


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    _, private = write_certificate(tmp_path, 1)
    key = serialization.load_pem_private_key(private, None)
    locked = serialization.BestAvailableEncryption(b"secret")
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    with pytest.raises(UserError, match="are no PEM certificate and its key without a passphrase"):
        Certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
