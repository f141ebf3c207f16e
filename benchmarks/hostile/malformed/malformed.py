"""Malformed requests of all kinds from a seed."""

from random import Random

from torchferry.benchmarks.hostile.malformed import files, heads, json_bodies, messages
from torchferry.benchmarks.hostile.valid import Request, Valid

LENGTH = "Inference-Header-Content-Length"
LENGTHS = ("", "0", "1", "-1", "5.0", "9" * 30, "0x10", "x", " 7")
TYPES = ("image/png", "text/csv", "application/json", "video/mp4", "multipart/form-data", "\xe9", "a/b; charset=utf-16")


class Malformed:
    def __init__(self, valid: Valid, seed: int) -> None:
        self.valid, self.random = valid, Random(seed)

    def request(self) -> bytes:
        """A body that is not what it should be, or goes to another place, in HTTP that is right: it is answered once,
        and its connection goes on."""
        random, request = self.random, self.random.choice(self.valid.requests)
        kind = random.random()
        if kind < 0.1:
            words = ("v2", "models", self.valid.model, "infer", "predictions", "%ff", "..", "", "a" * 99)
            return Request(path="/" + "/".join(random.choices(words, k=5)), body=request.body).raw()
        if kind < 0.2:
            other = random.choice(self.valid.requests)
            return Request(path=other.path, body=request.body, headers=other.headers).raw()
        if kind < 0.3:
            return request.raw(**{"Content-Type": random.choice(TYPES)})
        return Request(path=request.path, body=self._body(request), headers=self._headers(request)).raw()

    def stream(self) -> bytes:
        """All that a connection brings, which need not be HTTP."""
        return heads.altered(self.random, self.random.choice(self.valid.requests))

    def message(self) -> tuple[str, bytes]:
        """Method and message of gRPC."""
        return messages.altered(self.random, *self.random.choice(self.valid.messages))

    def _body(self, request: Request) -> bytes:
        if request.headers.get("Content-Encoding"):
            return files.packed(self.random, self.valid.predict.body)
        if request.body.startswith(b"{") and self.random.random() < 0.7:
            return json_bodies.altered(self.random, request.body)
        return files.altered(self.random, request.body)

    def _headers(self, request: Request) -> dict[str, str]:
        headers = dict(request.headers)
        if LENGTH in headers and self.random.random() < 0.4:
            headers[LENGTH] = self.random.choice((*LENGTHS, str(len(request.body) * 2)))
        if self.random.random() < 0.05:
            headers["X-Top-K"] = self.random.choice(("0", "-1", "x", "9" * 30))
        if self.random.random() < 0.05:
            headers["X-Request-Start"] = self.random.choice(("nan", "0", "1e999", "x", "t=-1"))
        return headers
