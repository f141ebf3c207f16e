"""HTTP that is not quite HTTP: request lines, header fields, lengths, chunks, and two requests where one was meant."""

from random import Random

from torchferry.benchmarks.hostile.valid import Request

METHODS: tuple[str, ...] = (
    "GET",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "HEAD",
    "PROPFIND",
    "get",
    "",
    "A" * 99,
    "P\x00ST",
)
TARGETS = (
    "*",
    "/",
    "//",
    "/..",
    "/%ff",
    "/%2e%2e/x",
    "http://evil.example/v2",
    "/v2?x=" + "y" * 999,
    "/a b",
    "/\x80",
    "x",
)
VERSIONS = ("HTTP/1.0", "HTTP/1.2", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "HTTP/1", "")
NAMES: tuple[str, ...] = (
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Transfer-Encoding",
    "Expect",
    "Connection",
    "Upgrade",
)
NAMES += (
    "traceparent",
    "X-Request-Id",
    "Inference-Header-Content-Length",
    "Authorization",
    "Host",
    "Accept",
    "X-Top-K",
)
NAMES += ("X-Forwarded-For", "X-Request-Start", "Range", "Cookie", "Accept-Encoding", "If-Match", "Content-Range")
VALUES: tuple[bytes, ...] = (
    b"",
    b"0",
    b"-1",
    b"+5",
    b"0x5",
    b"5, 5",
    b"5;q=1",
    b"99999999999999999999",
    b"x",
    b"chunked",
    b"gzip, chunked",
)
VALUES += (
    b"gzip",
    b"deflate",
    b"br",
    b"zstd",
    b"\xff",
    b"\x00",
    b"a" * 9000,
    b"nan",
    b"1e999",
    b"100-continue",
    b"h2c",
)
VALUES += (
    b"close, keep-alive",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"evil.example",
    b"a,b@c",
    b"127.0.0.1",
)
CHUNKS: tuple[bytes, ...] = (
    b"5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"-1\r\n",
    b"0\r\n",
    b"zz\r\n",
    b"5\nhello\n0\n\n",
    b"1;" + b"x" * 9000,
)
CHUNKS += (
    b"5\r\nhel",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"0\r\n" + b"X: y\r\n" * 500,
    b"5\r\nhelloX\r\n0\r\n\r\n",
)
SMUGGLED = b"POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def altered(random: Random, request: Request) -> bytes:
    """All bytes of a connection; whether and how often they are answered is for the server to say."""
    whole = request.raw()
    head, _, body = whole.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    match random.randrange(12):
        case 0:
            return random.randbytes(random.randrange(1, 600))
        case 1:
            return whole[: random.randrange(len(whole))]
        case 2:
            return whole * random.randrange(2, 6) + random.randbytes(50)
        case 3:
            line = random.choice(METHODS).encode() + line[line.index(b" ") :]
        case 4:
            line = f"{request.method} {random.choice(TARGETS)} HTTP/1.1".encode("latin-1")
        case 5:
            line = line.rpartition(b" ")[0] + b" " + random.choice(VERSIONS).encode()
        case 6:
            return _chunked(random, request)
        case 7:
            return _smuggling(random, request)
        case 8:
            fields = _odd_field(random, fields)
        case 9:
            fields = fields.replace(b"\r\n", random.choice((b"\n", b"\r", b"\r\n\t", b"\r\n\r\n")), 1)
        case _:
            for _ in range(random.randrange(1, 4)):
                fields += b"\r\n" + random.choice(NAMES).encode() + b": " + random.choice(VALUES)
    return line + b"\r\n" + fields + b"\r\n\r\n" + body


def _chunked(random: Random, request: Request) -> bytes:
    head, _, body = request.raw().partition(b"\r\n\r\n")
    length = f"Content-Length: {len(request.body)}".encode()
    right = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    encoding = random.choice(
        (b"chunked", b"chunked", b"Chunked", b"chunked, chunked", b"xchunked", b"chunked\x0b", b"identity")
    )
    return head.replace(length, b"Transfer-Encoding: " + encoding) + b"\r\n\r\n" + random.choice((right, *CHUNKS))


def _smuggling(random: Random, request: Request) -> bytes:
    """Two lengths, of which one makes the rest a request of its own."""
    head, _, _ = request.raw().partition(b"\r\n\r\n")
    length = f"Content-Length: {len(request.body)}".encode()
    of_all = f"Content-Length: {len(SMUGGLED) + 5}".encode()
    lines, body = random.choice(
        (
            ((of_all, b"Transfer-Encoding: chunked"), b"0\r\n\r\n"),
            ((b"Transfer-Encoding: chunked", b"Content-Length: 0"), b"0\r\n\r\n"),
            ((b"Content-Length: 0", of_all), b""),
            ((of_all, b"Transfer-Encoding : chunked"), b"0\r\n\r\n"),
            ((of_all, b"Transfer-Encoding:\tchunked"), b"0\r\n\r\n"),
            ((b"Content-Length: 5", b"X: y\nTransfer-Encoding: chunked"), b"0\r\n\r\n"),
        )
    )
    return head.replace(length, b"\r\n".join(lines)) + b"\r\n\r\n" + body + SMUGGLED


def _odd_field(random: Random, fields: bytes) -> bytes:
    odd: tuple[bytes, ...] = (
        b": x",
        b"a b: c",
        b"a\x00: b",
        b"\xff\xfe: x",
        b"X" * 70_000 + b": y",
        b"no colon",
        b" folded",
        b"Host: a\r\nHost: b",
    )
    odd += (
        b"\r\n".join(b"X%d: y" % number for number in range(300)),
        b"X: " + random.randbytes(30).replace(b"\n", b""),
    )
    return fields + b"\r\n" + random.choice(odd)
