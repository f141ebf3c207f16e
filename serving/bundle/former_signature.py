"""The ed25519 signatures that model.json of earlier bundles holds, of its digest. They are read, and made no more."""

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREFIX = b"torchferry.bundle:"  # so that no signature of something else by the same key passes for one of a bundle


class FormerKey:
    def __init__(self, key: Ed25519PublicKey) -> None:
        self.key = key

    def signed(self, digest: str, signature: str) -> bool:
        try:
            self.key.verify(base64.b64decode(signature, validate=True), PREFIX + digest.encode())
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True
