"""A certificate and its key, read again when the files change, so that neither port needs a restart for a new one."""

import ssl
from pathlib import Path
from typing import Any

import grpc

from torchferry.errors import UserError


class Certificate:
    def __init__(self, certificate: Path, key: Path) -> None:
        """PEM files. Raises UserError."""
        self.certificate, self.key = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.read_at: list[tuple[float, int]] | None = None
        self.pems = (b"", b"")
        self.refresh()

    def refresh(self) -> None:
        """New connections get what the files hold now. Raises UserError; then the certificate of before goes on."""
        try:
            states = [path.stat() for path in (self.certificate, self.key)]
            changed = [(state.st_mtime, state.st_ino) for state in states]
            if changed == self.read_at:
                return
            # First into a context of nobody: a new certificate whose key has not come yet would end the old one.
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
                context.load_cert_chain(
                    self.certificate, self.key, password=""
                )  # or OpenSSL asks for it at the terminal
            self.pems = (self.key.read_bytes(), self.certificate.read_bytes())
        except (OSError, ssl.SSLError) as error:
            raise UserError(
                f"--tls-certificate: {self.certificate} and {self.key} are no PEM certificate and its key without a "
                f"passphrase ({error})"
            ) from error
        self.read_at = changed

    def grpc_credentials(self) -> Any:
        def configuration(*_: Any) -> Any:
            return grpc.ssl_server_certificate_configuration([self.pems])

        return grpc.dynamic_ssl_server_credentials(configuration(), configuration)
