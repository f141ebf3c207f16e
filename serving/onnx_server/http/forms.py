"""Requests over HTTP as an exchange takes them: the Open Inference Protocol's tensors, TorchServe's predictions."""

from collections.abc import Sequence

from torchferry.contract.image_formats import HEAD, is_picture
from torchferry.serving.codec.answer_file import JSON as JSON_FORM
from torchferry.serving.codec.answer_file import answer_file, form_of_query, wanted_form
from torchferry.serving.codec.content_encoding import unpacked
from torchferry.serving.codec.sent_pixels import in_sent_pixels
from torchferry.serving.codec.upload import Upload, upload
from torchferry.serving.errors import NotDecodable, WrongParameter
from torchferry.serving.onnx_server import predictions_form
from torchferry.serving.onnx_server.exchange import LARGE
from torchferry.serving.onnx_server.http import oip_json
from torchferry.serving.onnx_server.http.request import JSON, QUERY, Header, HttpRequest
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.pieces import Pieces

RAW: Header = (b"content-type", b"application/octet-stream")
LENGTH, TOP_K = b"inference-header-content-length", b"x-top-k"
TYPE, ENCODING, ACCEPT = b"content-type", b"content-encoding", b"accept"
Said = tuple[Sequence[Header], bytes | Sequence[bytes]]
"""Headers that belong to an answer's body, and the body, in pieces if it is long."""


class TensorsForm:
    """POST .../infer."""

    __slots__ = ("body", "encoding", "length", "limit", "type")

    def __init__(self, request: HttpRequest, body: bytes, limit: int) -> None:
        """`limit`: bytes that may come of a packed body."""
        self.body, self.limit, self.length = body, limit, request.headers.get(LENGTH)
        self.type, self.encoding = request.headers.get(TYPE, b""), request.header(ENCODING)

    @property
    def size(self) -> int:
        return len(self.body)

    @property
    def is_large(self) -> bool:
        """Raw elements behind a small head are only pointed at; what is packed may be of any size."""
        if self.encoding:
            return True
        if len(self.body) <= LARGE:
            return False
        length = self.length
        return not (length and length.isdigit() and len(length) < len(b"%d" % LARGE) and int(length) <= LARGE)

    def read(self, model: Model) -> Inference:
        body = unpacked(self.body, self.encoding, self.limit) if self.encoding else self.body
        return oip_json.read(body, self._json_length(), model)

    def write(self, model: Model, asked: Inference, outputs: Outputs) -> Said | Pieces[Said]:
        outputs = in_sent_pixels(model.bundle, outputs, asked.placements)
        if oip_json.is_long(asked, outputs):
            slices, raw = oip_json.write_slices(asked, outputs, model)
            return Pieces(slices, lambda text: _said([*text, *raw], sum(map(len, text)) if raw else None))
        return _said(*oip_json.write(asked, outputs, model))

    def _json_length(self) -> int | None:
        given = self.length
        if given is None:
            return None
        if not given.isdigit() or len(given) > 18:
            raise NotDecodable("Inference-Header-Content-Length is not a number of bytes")
        if not int(given) and self.type.startswith(b"application/json"):
            raise NotDecodable(
                "Inference-Header-Content-Length is 0, and the body is not raw elements but application/json"
            )
        return int(given)


def _said(answer: bytes | Sequence[bytes], json_length: int | None) -> Said:
    return ([JSON] if json_length is None else [RAW, (LENGTH, b"%d" % json_length)]), answer


class PredictionsForm(predictions_form.PredictionsForm):
    """POST /predictions/..."""

    __slots__ = ("accept", "body", "encoding", "form", "limit", "type", "wanted")

    def __init__(self, request: HttpRequest, body: bytes, limit: int) -> None:
        """`limit`: bytes that may come of a packed body."""
        super().__init__(request.header(TOP_K))
        self.form, self.accept, self.wanted = form_of_query(request.header(QUERY)), request.header(ACCEPT), JSON_FORM
        self.body, self.limit, self.encoding = body, limit, request.header(ENCODING)
        self.type = request.header(TYPE)

    @property
    def size(self) -> int:
        return len(self.body)

    @property
    def is_large(self) -> bool:
        return bool(self.encoding) or not is_picture(self.body[:HEAD])

    def content(self) -> Upload:
        sent = upload(unpacked(self.body, self.encoding, self.limit), self.type)
        if "target" in sent.parameters:
            raise WrongParameter("the form has 'target', which is read for explanations alone; TorchServe has these")
        self.top_k = sent.parameters.get("top_k", self.top_k)
        return sent

    def read(self, model: Model) -> Inference:
        self.wanted = wanted_form(model.bundle, self.form, self.accept)  # before anything is computed
        return super().read(model)

    def write(self, model: Model, asked: Inference, outputs: Outputs) -> Said | Pieces[Said]:
        if self.wanted == JSON_FORM:
            return self.answer(model, asked, outputs, lambda text: ([JSON], text))
        media, pieces = answer_file(model.bundle, self.wanted, asked.inputs, outputs, self.sent(asked))
        return Pieces(pieces, lambda found: ([(b"content-type", media.encode())], found), are_long=True)
