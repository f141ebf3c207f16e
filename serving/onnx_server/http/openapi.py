"""The HTTP API as OpenAPI 3.1, made from what is loaded, so that it names the models there are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from torchferry import __version__
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.answer_file import FORM
from torchferry.serving.codec.answer_file import JSON as JSON_FORM
from torchferry.serving.codec.tensors import BFLOAT16, DTYPES, STRINGS
from torchferry.serving.onnx_server.columns import csv_example, record_schema
from torchferry.serving.onnx_server.encoded_inputs import media_type, sample_schemas
from torchferry.serving.onnx_server.http.errors import CODES
from torchferry.serving.onnx_server.http.json_pieces import MARK, object_of
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.repository import Repository
from torchferry.serving.onnx_server.models.versions import STABLE
from torchferry.serving.onnx_server.prediction_schema import prediction_schema

REFUSALS = {
    "400": "The body is not decodable",
    "401": "No token that is taken",
    "404": "No such model or version",
    "405": "The path takes another method",
    "408": "The body did not arrive in time",
    "409": "No sequence of that id is kept",
    "413": "Too many bytes, pixels, elements or samples",
    "415": "A type of body that is not taken",
    "422": "A tensor or parameter that the model does not take",
    "429": "The queue is full; Retry-After says when to come back",
    "500": "The model could not compute an answer",
    "503": "The server starts or ends, or the model is loaded or could not be; Retry-After says when to come back",
    "504": "Not answered in time",
}
OF_MODEL = ("401", "404", "405", "503")
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def write(repository: Repository) -> Iterator[bytes]:
    """The description as JSON, in pieces: of 200 models it has three megabytes."""
    about = {
        "openapi": "3.1.0",
        "info": {"title": "torchferry", "version": __version__},
        "paths": orjson.Fragment(MARK),
        "components": {
            "schemas": orjson.Fragment(MARK),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }
    before, between, after = orjson.dumps(about).split(MARK)
    yield before
    yield from object_of(_paths(repository))
    yield between
    yield from object_of(_schemas(repository))
    yield after


def _paths(repository: Repository) -> Iterator[Mapping[str, Any]]:
    yield {
        "/v2": _get("What the server is", "Server"),
        "/v2/health/live": _get("Whether the process lives", "Live"),
        "/v2/health/ready": _get("Whether requests should be sent here", "Ready", ("400", "405")),
        "/v2/repository/index": {"post": _call("The models there are", "Index", "IndexRequest")},
        "/v2/models/stats": _get("Statistics of every model", "Statistics"),
    }
    for name in tuple(repository.models):
        if name in repository.models:  # or it has been unloaded since the last piece
            yield _of_model(name, repository)


def _schemas(repository: Repository) -> Iterator[Mapping[str, Any]]:
    """Those of the protocol, of what each model answers, and of each table's model its record."""
    yield SCHEMAS
    for name in tuple(repository.models):
        if name in repository.models:
            model = _stable(name, repository)
            yield {_prediction(name): prediction_schema(model.bundle)}
            if (spec := model.bundle.table) and spec.table:
                yield {_record(name): record_schema(spec.table, model.loaded.example)}


def _of_model(name: str, repository: Repository) -> Mapping[str, Any]:
    paths: dict[str, Any] = {}
    for base in (
        f"/v2/models/{name}",
        *(f"/v2/models/{name}/versions/{key}" for key in repository.models[name].models),
    ):
        paths[base] = _get("Inputs and outputs", "Model", refusals=OF_MODEL)
        paths[f"{base}/ready"] = _get("Whether it answers", "ModelReady", refusals=("400", "401", "404", "405"))
        paths[f"{base}/config"] = _get("How it is served", "Configuration", refusals=OF_MODEL)
        paths[f"{base}/stats"] = _get("What it has answered", "Statistics", refusals=OF_MODEL)
        infer = _call("Tensors to tensors", "InferResponse", "InferRequest")
        infer["requestBody"]["content"] |= BINARY
        infer["responses"]["200"]["content"] |= BINARY
        infer["parameters"] = [_header("Inference-Header-Content-Length", {"type": "integer", "minimum": 0})]
        paths[f"{base}/infer"] = {"post": infer}
    predict = _call("A file to labels, as TorchServe has it", _prediction(name), "InferRequest")
    predict["requestBody"]["content"] |= BINARY | {
        "text/csv": {"schema": {"type": "string"}},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"data": {"type": "string", "format": "binary"}}}
        },
    }
    served = _stable(name, repository)
    if example := served.loaded.example:
        _add_records(predict["requestBody"]["content"], name, example)
    if any(spec.decode for spec in served.bundle.inputs):
        _add_samples(predict["requestBody"]["content"], served.bundle.inputs)
    if files := served.bundle.task.files:
        _add_files(predict, files)
    return paths | {f"/predictions/{name}": {"post": predict, "put": predict}}


def _add_records(content: dict[str, Any], name: str, example: Mapping[str, Any]) -> None:
    record = {"$ref": f"#/components/schemas/{_record(name)}"}
    tensors = content["application/json"]["schema"]
    content["application/json"]["schema"] = {
        "anyOf": [record, _list(record), _object("instances", instances=_list(record)), tensors]
    }
    content["text/csv"]["example"] = csv_example(example)


def _add_samples(content: dict[str, Any], inputs: Sequence[TensorSpec]) -> None:
    """Pictures, texts and sounds, alone and in JSON."""
    if media := media_type(inputs):
        content[media] = {"schema": TEXT if media == "text/plain" else {"type": "string", "format": "binary"}}
    content["application/json"]["schema"] = {"anyOf": [*sample_schemas(inputs), content["application/json"]["schema"]]}


def _add_files(predict: dict[str, Any], files: Mapping[str, str]) -> None:
    """The forms beside JSON that one sample's answer may have."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    predict["responses"]["200"]["content"] |= dict.fromkeys(files.values(), binary)
    forms = {"type": "string", "enum": [JSON_FORM, *files]}
    predict["parameters"] = [{"name": FORM, "in": "query", "required": False, "schema": forms}]


def _record(name: str) -> str:
    return f"Record-{name}"


def _prediction(name: str) -> str:
    return f"Prediction-{name}"


def _stable(name: str, repository: Repository) -> Model:
    return repository.models[name].find(STABLE)


def _get(text: str, schema: str, refusals: tuple[str, ...] = ("401", "405")) -> dict[str, Any]:
    responses = {"200": _content(text, schema), **{code: _content(REFUSALS[code], "Error") for code in refusals}}
    return {"get": {"summary": text, "responses": responses}}


def _call(text: str, schema: str, body: str) -> dict[str, Any]:
    return {
        "summary": text,
        "requestBody": {"required": False, "content": _content("", body)["content"]},
        "responses": {
            "200": _content(text, schema),
            **{code: _content(said, "Error") for code, said in REFUSALS.items()},
        },
    }


def _content(text: str, schema: str) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
    return {"description": text, **content} if text else content


def _header(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": schema}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT = {"type": "string"}
SHAPE = _list({"type": "integer"})
DATATYPE = {"enum": [*DTYPES, BFLOAT16, STRINGS]}
PARAMETERS = {"type": "object"}
SPEC = _object("name datatype shape", name=TEXT, datatype=DATATYPE, shape=SHAPE)
DATA = _list({"type": ["number", "boolean", "string", "array", "null"]})
TENSOR = _object("name datatype shape", name=TEXT, datatype=DATATYPE, shape=SHAPE, parameters=PARAMETERS, data=DATA)
SCHEMAS = {
    "Error": _object("error code detail", error=TEXT, code={"enum": CODES}, detail=TEXT),
    "Server": _object("name version extensions", name=TEXT, version=TEXT, extensions=_list(TEXT)),
    "Live": _object("live", live={"type": "boolean"}),
    "Ready": _object("ready", ready={"type": "boolean"}),
    "ModelReady": _object("name ready", name=TEXT, ready={"type": "boolean"}),
    "Model": _object(
        "name versions platform inputs outputs",
        name=TEXT,
        versions=_list(TEXT),
        platform=TEXT,
        inputs=_list(SPEC),
        outputs=_list(SPEC),
    ),
    "Configuration": _object(
        "name platform input output", name=TEXT, platform=TEXT, max_batch_size={"type": "integer"}
    ),
    "Statistics": _object("model_stats", model_stats=_list({"type": "object"})),
    "IndexRequest": _object(ready={"type": "boolean"}),
    "Index": _list(_object("name version state", name=TEXT, version=TEXT, state=TEXT, reason=TEXT)),
    "InferRequest": _object(
        "inputs",
        id=TEXT,
        parameters=PARAMETERS,
        inputs=_list(TENSOR),
        outputs=_list(_object("name", name=TEXT, parameters=PARAMETERS)),
    ),
    "InferResponse": _object(
        "model_name model_version outputs", id=TEXT, model_name=TEXT, model_version=TEXT, outputs=_list(TENSOR)
    ),
}
