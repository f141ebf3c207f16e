"""The server over HTTP: finds the call behind a path and translates for the data plane."""

from collections.abc import Callable, Coroutine, Set
from functools import partial
from typing import Any

from torchferry.serving.errors import DeadlinePassed, InferenceFailed, RequestError, WrongParameter
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.form import Form
from torchferry.serving.onnx_server.http.context_headers import identify, said
from torchferry.serving.onnx_server.http.errors import fail, refuse, say
from torchferry.serving.onnx_server.http.forms import LENGTH, TOP_K, PredictionsForm, Said, TensorsForm
from torchferry.serving.onnx_server.http.introspection import Introspection
from torchferry.serving.onnx_server.http.request import QUERY, Header, HttpRequest
from torchferry.serving.onnx_server.http.routes import OPEN, route

ALSO = {"GET": ("HEAD",), "predict": ("PUT",)}
"""Other methods that mean the same, of a method or of one call; `curl -T` sends a file with PUT."""
EXPOSED = b"Inference-Header-Content-Length, Retry-After, Server-Timing, X-Request-Id, traceparent"
"""What pages of another origin may read of an answer, beside what they always may."""

QUERIED = ("predict",)
"""Calls that read a query."""
READ = "X-Top-K is at /predictions, Inference-Header-Content-Length at /v2/models/.../infer"
LIKE_OURS = frozenset((b"x-topk", b"x-top_k", b"top-k", b"top_k", b"topk", b"x-target"))
UNREAD = {"rest": LIKE_OURS | {TOP_K}, "predictions": LIKE_OURS | {LENGTH}}
"""By protocol, headers that somebody sends who means something by them."""

FormOf = Callable[[HttpRequest, bytes, int], Form[Said]]
FORMS: dict[str, tuple[str, FormOf]] = {"infer": ("rest", TensorsForm), "predict": ("predictions", PredictionsForm)}
"""The protocol, as it is counted, and the form of the calls that ask a model; /predictions is TorchServe's."""


class Rest:
    def __init__(self, plane: DataPlane, access: Access) -> None:
        self.plane, self.access = plane, access
        self.introspection = Introspection(plane)
        self.limits = plane.settings.max_body_bytes, plane.settings.body_timeout
        origin = plane.settings.cors_origin.encode()
        self.headers: tuple[Header, ...] = ()
        """Of every answer."""
        if origin:
            self.headers = ((b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED))

    def __call__(self, request: HttpRequest) -> Coroutine[Any, Any, None] | None:
        method, name, model, version = route(request.path)
        taken = (method, *ALSO.get(name, ALSO.get(method, ())))
        try:
            if request.method == "OPTIONS" and self.headers:
                _preflight(request, taken)
            elif not name:
                say(request, 404, "Not Found", f"there is nothing at {request.path[:200]}")
            elif request.method not in taken:
                text = f"{request.path[:200]} takes {' and '.join(taken)}"
                say(request, 405, "Method Not Allowed", text, [(b"allow", ", ".join(taken).encode())])
            elif request.headers.get(QUERY) and name not in (*OPEN, *QUERIED):
                self._let_in(request)
                check_query(request)
            elif name in FORMS:
                self._let_in(request)
                self._exchange(request, model, version, *FORMS[name])
            else:
                if name not in OPEN:
                    self._let_in(request)
                return self._introspect(getattr(self.introspection, name), request, model, version)
        except RequestError as error:
            refuse(request, error)
        except Exception as error:
            fail(request, error)
        return None

    def _let_in(self, request: HttpRequest) -> None:
        """Raises NotAllowed and Overloaded."""
        if token := self.access.check(request.header(b"authorization")):
            request.client = token.client

    def _exchange(self, request: HttpRequest, name: str, version: str, protocol: str, form: FormOf) -> None:
        exchange: Exchange[Said] = Exchange(self.plane, protocol, partial(_answer, request), client=request.client)
        request.gone = exchange.cancel

        def take(body: bytes | RequestError) -> None:
            """It may be called long after, by the connection's next bytes, where nobody else would end the exchange."""
            try:
                if isinstance(body, RequestError):
                    exchange.end(body)
                elif exchange.admit(name, version):
                    exchange.held = request.keep()
                    exchange.take(form(request, body, self.limits[0]))
            except Exception as error:
                exchange.end(error)

        try:
            identify(exchange.context, request, self.plane)
            if request.is_whole or exchange.expect(name, version):
                _check_headers(request, UNREAD[protocol])
                request.take_body(*self.limits, take)
        except Exception as error:  # or it would keep its place
            exchange.end(error)

    async def _introspect(self, call: Callable[..., Any], request: HttpRequest, name: str, version: str) -> None:
        try:
            await call(request, name, version)
        except RequestError as error:
            refuse(request, error)
        except Exception as error:
            fail(request, error)


def _answer(request: HttpRequest, exchange: Exchange[Said]) -> None:
    # An error knows its frames, and they know the exchange: only the garbage collector would free the two.
    result, exchange.result = exchange.result, None
    known = said(exchange.context, request)
    if isinstance(result, RequestError | DeadlinePassed | InferenceFailed):
        refuse(request, result, known)
    elif isinstance(result, BaseException):
        fail(request, result, known)
    elif result:
        headers, body = result
        request.answer(200, body, [*headers, *known])


def check_query(request: HttpRequest) -> None:
    """Raises WrongParameter where there is one: nobody reads it."""
    if query := request.header(QUERY):
        raise WrongParameter(f"'?{query[:100]}' is not read; what is asked for stands in the body and in headers")


def _check_headers(request: HttpRequest, unread: Set[bytes]) -> None:
    """Raises WrongParameter."""
    if not unread.isdisjoint(request.headers):
        name = next(name for name in request.headers if name in unread).decode()
        raise WrongParameter(f"the header {name} is not read here; {READ}")


def _preflight(request: HttpRequest, methods: tuple[str, ...]) -> None:
    # The star does not stand for Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name).
    allowed = [
        (b"access-control-allow-methods", ", ".join(methods).encode()),
        (b"access-control-allow-headers", b"*, Authorization"),
    ]
    request.answer(204, b"", allowed)
