"""One request as a worker has it, from what TorchServe hands over to the status that it is answered with."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.codec.predictions_json import Request, check_type, read_request, read_top_k
from torchferry.serving.codec.tensors import from_raw_alone
from torchferry.serving.errors import (
    DeadlinePassed,
    InferenceFailed,
    NoPicture,
    NotDecodable,
    NotExplainable,
    RequestError,
    TooLarge,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.torchserve.explain import Explainer
from torchferry.serving.torchserve.explanation import Explanation

log = logging.getLogger(__name__)
STATUS = {
    NotDecodable: (400, "Bad Request"),
    NoPicture: (406, "Not Acceptable"),  # the request is right, but for the Accept in it
    TooLarge: (413, "Content Too Large"),
    UnsupportedType: (415, "Unsupported Media Type"),
    WrongTensor: (422, "Unprocessable Content"),
    WrongParameter: (422, "Unprocessable Content"),
    NotExplainable: (422, "Unprocessable Content"),
    InferenceFailed: (500, "Internal Server Error"),
    DeadlinePassed: (504, "Gateway Timeout"),
}
OUTCOMES = {InferenceFailed: "server_error", DeadlinePassed: "deadline"}
LONGEST_QUEUE = 3600.0  # seconds; what claims to have waited longer has not
TAKEN_APART = "application/x-www-form-urlencoded"
"""What curl says of any body; the gateway says otherwise."""
RAW_LENGTH = "inference-header-content-length"


@dataclass
class WorkerRequest:
    body: bytes
    headers: Mapping[str, str]
    """By name in lower case; over gRPC none of the client's arrive."""
    top_k: bytes | bytearray | None = None
    """As it was sent: TorchServe passes no query string on, so it is a header, or a part of a form."""
    target: bytes | bytearray | None = None
    """The label that is to be explained; sent as `top_k` is."""
    started: float = field(default_factory=time.time)
    """When the worker got it, in seconds since the epoch."""
    parts: tuple[str, ...] = ()
    """Of a form in which none is the body."""
    asked: Request | None = None
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    explanation: Explanation | None = None
    error: Exception | None = None
    """One of STATUS, once the request cannot be answered."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""
    batch_size: int = 0
    """Samples that were computed together with its own."""

    @classmethod
    def of(cls, row: Mapping[str, Any], headers: Mapping[str, Any]) -> "WorkerRequest":
        """A row's body is called `body`, a form's and gRPC's `data`; of a form with one other part it is that."""
        parts = {name: value for name, value in row.items() if name not in ("top_k", "target")}
        whole = len(parts) == 1 or not {"data", "body"}.isdisjoint(parts)
        body = parts.get("data") or parts.get("body") or (next(iter(parts.values())) if len(parts) == 1 else b"")
        named = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        return cls(
            body.encode() if isinstance(body, str) else bytes(body),
            named,
            row.get("top_k", named.get("x-top-k", "").encode()) or None,
            row.get("target", named.get("x-target", "").encode()) or None,
            parts=() if whole else tuple(parts),
        )

    @property
    def protocol(self) -> str:
        if self.wants_explanation:
            return "explanations"
        return "predictions" if "host" in self.headers else "grpc-predictions"

    @property
    def arrived(self) -> float:
        """When the gateway got it, or the worker where there is no gateway.

        A client that says so itself can only make its own request late.
        """
        try:
            said = float(self.headers["x-request-start"])
        except (KeyError, ValueError):
            return self.started
        return said if self.started - LONGEST_QUEUE < said < self.started else self.started

    @property
    def elapsed(self) -> float:
        """Seconds since it arrived."""
        return time.time() - self.arrived

    @property
    def is_golden(self) -> bool:
        """Whether it only asks if the model is ready; what it is answered with says nothing of clients' samples."""
        return GOLDEN in self.headers

    @property
    def wants_bytes(self) -> bool:
        return "application/octet-stream" in self.headers.get("accept", "")

    @property
    def wants_explanation(self) -> bool:
        """TorchServe's word for it: the request came to /explanations."""
        return self.headers.get("explain") == "True"

    @property
    def wants_picture(self) -> bool:
        return "image/png" in self.headers.get("accept", "")

    @property
    def outcome(self) -> str:
        return OUTCOMES.get(type(self.error), "client_error") if self.error else "ok"

    def decode(self, bundle: Bundle, timeout: float) -> None:
        """Fill `asked`, or `error`. What waited longer than `timeout` seconds has nobody to answer any more."""
        began = time.time()
        self.seconds["queue"] = self.started - self.arrived
        try:
            self.check_deadline(timeout)
            self.asked = self._read(bundle)
        except (RequestError, DeadlinePassed) as error:
            self.error = error
        except Exception:  # a bug of ours, which must not become one of those in the same batch
            log.exception("a request cannot be read")
            self.error = InferenceFailed("a bug of the server: the request cannot be read")
        self.seconds["decode"] = time.time() - began

    def explain(self, explainer: Explainer, timeout: float) -> None:
        """Fill `explanation`, or `error`; after `timeout` seconds it ends, between two passes through the network."""
        assert self.asked
        began, self.batch_size = time.time(), 1
        try:
            if self.wants_picture and not explainer.bundle.pictures:
                raise NoPicture(f"{explainer.bundle.name} takes no image to draw on; accept application/json")
            target = bytes(self.target).decode(errors="replace") if self.target else None
            self.explanation = explainer.explain(self.asked, target, lambda: self.check_deadline(timeout))
        except (RequestError, DeadlinePassed, InferenceFailed) as error:
            self.error = error
        except Exception:
            log.exception("an explanation cannot be computed")
            self.error = InferenceFailed("the explanation cannot be computed")
        self.seconds |= {
            "batch_wait": began - self.started - self.seconds["decode"],
            "inference": time.time() - began,
        }

    def check_deadline(self, timeout: float) -> None:
        """Raises DeadlinePassed."""
        if self.elapsed > timeout:
            raise DeadlinePassed(f"the request was not answered within {timeout:g} s")

    def _read(self, bundle: Bundle) -> Request:
        kind = self.headers.get("content-type", "")
        if kind.startswith("multipart/"):  # TorchServe has taken the form apart
            if self.parts:
                taken = "one is taken, or the one called data; several inputs go as JSON"
                raise NotDecodable(f"the form has {len(self.parts)} parts; {taken}")
        elif kind.lower().startswith(TAKEN_APART):
            raise UnsupportedType(f"TorchServe takes a body of {TAKEN_APART} apart; send application/octet-stream")
        else:
            check_type(kind)
        if (length := self.headers.get(RAW_LENGTH)) is None:
            return read_request(self.body, bundle)
        if length != "0":
            raise NotDecodable(f"{RAW_LENGTH} is {length[:20]}; TorchServe takes raw elements alone, and then it is 0")
        return Request(from_raw_alone(self.body, bundle.inputs), "tensors")

    def labels_wanted(self) -> int | None:
        """Raises WrongParameter."""
        return read_top_k(bytes(self.top_k) if self.top_k else None)
