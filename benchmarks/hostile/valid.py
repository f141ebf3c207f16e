"""A bundle's first golden sample as valid requests, in each form that both servers take."""

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image, UnidentifiedImageError

from torchferry.benchmarks.load.inputs import Inputs
from torchferry.benchmarks.load.oip import binary_body, grpc_message, json_body
from torchferry.benchmarks.servers.samples import sample_body
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.codec.instances import instances

BOUNDARY = "b"
FORMATS = ("JPEG", "GIF", "WEBP", "BMP", "TIFF")
INFER = "/inference.GRPCInferenceService/ModelInfer"


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"

    def raw(self, **more: str) -> bytes:
        """Whole, in HTTP/1.1, with the true length of its body."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in {**self.headers, **more}.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True, kw_only=True)
class Valid:
    model: str
    predict: Request
    """The sample as clients most often send it: a picture's file, or JSON."""
    picture: bool
    """`predict` is a picture."""
    requests: tuple[Request, ...]
    messages: tuple[tuple[str, bytes], ...]
    """Calls of gRPC: method and message."""

    @classmethod
    def of(cls, bundle: Bundle, model: str) -> "Valid":
        """`model`: the name that the server has for it."""
        golden, _ = bundle.golden()
        sample = {name: values[:1] for name, values in golden.items()}
        suffix, body = sample_body(sample, bundle)
        prediction = predictions_grpc.Request(model_name=model, input={"data": body})
        return cls(
            model=model,
            predict=Request(path=f"/predictions/{model}", body=body),
            picture=suffix != "json",
            requests=tuple(_requests(bundle, model, sample, body)),
            messages=(
                (INFER, grpc_message(model, "", sample)),
                (predictions_grpc.METHOD, prediction.SerializeToString()),
            ),
        )


def _requests(bundle: Bundle, model: str, sample: Inputs, body: bytes) -> list[Request]:
    infer, predict, typed = f"/v2/models/{model}/infer", f"/predictions/{model}", {"Content-Type": "application/json"}
    tensors, (binary, length) = json_body(sample), binary_body(sample)
    columns = json.dumps({"instances": instances(sample, bundle.inputs)}).encode()
    opening = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n'.encode()
    form = opening + body + f"\r\n--{BOUNDARY}--\r\n".encode()
    return [
        Request(path=infer, body=tensors, headers=typed),
        Request(path=infer, body=binary, headers={"Inference-Header-Content-Length": str(length)}),
        Request(path=predict, body=tensors, headers=typed),
        Request(path=predict, body=columns, headers=typed),
        Request(path=predict, body=body),
        Request(path=predict, body=form, headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}),
        Request(path=predict, body=gzip.compress(body, mtime=0), headers={"Content-Encoding": "gzip"}),
        *(Request(path=predict, body=file) for file in _in_other_formats(body)),
        Request(path="/v2/repository/index", body=b'{"ready": true}', headers=typed),
        Request(path=f"/v2/models/{model}", method="GET"),
        Request(path="/v2", method="GET"),
    ]


def _in_other_formats(body: bytes) -> list[bytes]:
    """The picture as files of other kinds; nothing if it is none, or of colours that not all of them have."""
    try:
        image = Image.open(io.BytesIO(body))
    except UnidentifiedImageError:
        return []
    files = []
    for kind in FORMATS if image.mode in ("L", "RGB") else ():
        image.save(file := io.BytesIO(), kind)
        files.append(file.getvalue())
    return files
