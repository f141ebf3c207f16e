"""TLS on every port that others reach, with certificates that change while the server runs."""

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
import urllib3
from cryptography import x509
from tritonclient.grpc import service_pb2_grpc

from tests.server import Server
from tests.serving.certificates import write_certificate
from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, body, message
from tests.waiting import wait_until


def serial_of(address: str) -> int:
    """Of the certificate that a new connection is shown."""
    where = urlsplit(address if "//" in address else f"//{address}")
    shown = ssl.get_server_certificate((where.hostname or "", where.port or 0))
    return x509.load_pem_x509_certificate(shown.encode()).serial_number


def start_with_tls(start_server: StartServer, folder: Path) -> Server:
    files = ("--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem")
    return start_server(options=files)


def test_every_port_but_the_loopback_one_speaks_tls(start_server: StartServer, tmp_path: Path) -> None:
    certificate, _ = write_certificate(tmp_path, 1)
    addresses = start_with_tls(start_server, tmp_path).wait_ready()
    with urllib3.PoolManager(ca_certs=str(tmp_path / "certificate.pem"), retries=False) as pool:
        assert pool.request("POST", addresses["rest"] + INFER, body=body()).status == 200
        assert pool.request("GET", addresses["metrics"]).status == 200
    with grpc.secure_channel(addresses["grpc"], grpc.ssl_channel_credentials(certificate)) as channel:
        assert service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(message()).model_name == "digits"
    with urllib3.PoolManager(retries=False) as pool, pytest.raises(urllib3.exceptions.HTTPError):
        pool.request("GET", addresses["rest"].replace("https", "http") + "/v2")
    assert ask(addresses["admin"], "/v2/health/ready").status == 200


def test_whoever_fails_to_speak_tls_writes_nothing_into_the_log(start_server: StartServer, tmp_path: Path) -> None:
    write_certificate(tmp_path, 1)
    server = start_with_tls(start_server, tmp_path)
    addresses, before = server.wait_ready(), server.log.read_text()
    for name in ("rest", "grpc", "metrics"):
        where = urlsplit(addresses[name] if "//" in addresses[name] else f"//{addresses[name]}")
        address = (where.hostname or "", where.port or 0)
        for sent in (b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\nERROR a line\n" * 100):
            with socket.create_connection(address, timeout=20) as stranger, suppress(ConnectionError):
                stranger.sendall(sent)
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(1000):
                    pass
        trusts_nobody = ssl.create_default_context()
        with socket.create_connection(address, timeout=20) as stranger, pytest.raises(ssl.SSLError):
            trusts_nobody.wrap_socket(stranger, server_hostname="error.a-line")
        assert serial_of(addresses[name]) == 1
    assert server.log.read_text() == before


def test_a_new_certificate_is_shown_once_its_key_is_there(start_server: StartServer, tmp_path: Path) -> None:
    _, old_key = write_certificate(tmp_path, 1)
    server = start_with_tls(start_server, tmp_path)
    addresses = server.wait_ready()
    assert serial_of(addresses["rest"]) == serial_of(addresses["grpc"]) == 1
    (tmp_path / "key.pem").unlink()
    _, new_key = write_certificate(tmp_path, 2)
    (tmp_path / "key.pem").write_bytes(old_key)
    wait_until(lambda: "going on as before" in server.log.read_text())
    assert [serial_of(addresses[port]) for port in ("rest", "grpc", "metrics")] == [1, 1, 1]
    (tmp_path / "key.pem").write_bytes(new_key)
    wait_until(lambda: serial_of(addresses["rest"]) == 2)
    assert [serial_of(addresses[port]) for port in ("rest", "grpc", "metrics")] == [2, 2, 2]
