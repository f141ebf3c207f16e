"""OpenVINO's variants at our server, alone and beside ONNX Runtime's."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.tiny_bundle import VARIANT, variant, written
from torchferry.serving.bundle import bundle as bundles


def test_many_clients_at_once_are_each_answered_their_own_rows(tmp_path: Path, start_server: StartServer) -> None:
    variants = {VARIANT: variant(), "openvino-fp32": variant(batch_1_ms=5.0)}
    bundle = replace(written(tmp_path, factor=2), variants=variants)
    bundles.write(bundle)
    server = start_server(f"{bundle.root}:openvino-fp32", options=("--all-variants", "--sessions", 2))
    rest = server.wait_ready()["rest"]
    described = ask(rest, "/v2/models/tiny/config").json
    assert (described["backend"], described["platform"]) == ("openvino", "openvino_onnx")
    assert described["instance_group"] == [{"name": "openvino-fp32", "kind": "KIND_CPU", "count": 2}]
    assert "(OpenVINO's CPU)" in server.log.read_text()

    def answered(number: int) -> list[float]:
        rows = 1 + number % 5
        tensor = {"name": "row", "datatype": "FP32", "shape": [rows, 2], "data": [number / 512, 0.25] * rows}
        model = "tiny-openvino-fp32" if number % 2 else "tiny"
        return ask(rest, f"/v2/models/{model}/infer", {"inputs": [tensor]}).json["outputs"][0]["data"]

    with ThreadPoolExecutor(16) as pool:
        for number, data in enumerate(pool.map(answered, range(200))):
            assert data == [number / 256, 0.5] * (1 + number % 5)
