"""Keys to sign with, and certificates of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def write_key(folder: Path, name: str, key: Key | None = None) -> Path:
    """NAME.pem, and the public key in NAME.pub; an EC key unless another is given."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    public = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)
    return folder / f"{name}.pem"


def write_certificates(folder: Path, signer: Path) -> tuple[Path, Path, Path]:
    """Of an authority, of one between, and of the signer's key: root.crt, between.crt, signer.crt."""
    keys = {name: ec.generate_private_key(ec.SECP384R1()) for name in ("root", "between")}
    own = pem.load_pem_private_key(signer.read_bytes(), password=None)
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    keys["signer"] = own
    written = []
    for name, by in (("root", "root"), ("between", "root"), ("signer", "between")):
        made = x509.CertificateBuilder(_name(by), _name(name), keys[name].public_key(), x509.random_serial_number())
        made = made.not_valid_before(datetime.now(UTC)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=name != "signer", path_length=None), critical=True)
        made = made.add_extension(_usage(signs_files=name == "signer"), critical=True)
        (folder / f"{name}.crt").write_bytes(made.sign(keys[by], hashes.SHA384()).public_bytes(pem.Encoding.PEM))
        written.append(folder / f"{name}.crt")
    return written[0], written[1], written[2]


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_files: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs_files,
        key_cert_sign=not signs_files,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
