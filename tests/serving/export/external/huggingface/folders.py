"""Folders of small networks with random weights, as save_pretrained of transformers writes them."""

import atexit
import functools
import json
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch

LABELS = {0: "cat", 1: "dog", 2: "bird"}
_TRANSFORMER = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
_PICTURE = {**_TRANSFORMER, "image_size": 32, "patch_size": 8}
_STAGES = {"hidden_sizes": [8, 16], "depths": [1, 1]}
_WORDS = {"vocab_size": 50, "max_position_embeddings": 32}
_RESNET = {"model_type": "resnet", "embedding_size": 8, **_STAGES, "layer_type": "basic", "out_features": ["stage2"]}
_OF_BOTH = {"layers": 1, "attention_heads": 2, "ffn_dim": 16}
_DETR = {
    **{f"{part}_{name}": value for part in ("encoder", "decoder") for name, value in _OF_BOTH.items()},
    "d_model": 16,
    "num_queries": 5,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "ResNetForImageClassification": {"embedding_size": 8, **_STAGES, "layer_type": "basic"},
    "ViTForImageClassification": _PICTURE,
    "ViTModel": _PICTURE,
    "ConvNextForImageClassification": {**_STAGES, "num_stages": 2},
    "MobileNetV2ForImageClassification": {"depth_multiplier": 0.25, "image_size": 32},
    "DeiTForImageClassificationWithTeacher": _PICTURE,
    "SwinForImageClassification": {
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "window_size": 4,
        "image_size": 32,
        "patch_size": 4,
    },
    "SegformerForSemanticSegmentation": {
        "depths": [1] * 4,
        "hidden_sizes": [8, 8, 16, 16],
        "decoder_hidden_size": 16,
        "num_attention_heads": [1] * 4,
    },
    "YolosForObjectDetection": {**_TRANSFORMER, "image_size": [32, 48], "patch_size": 8, "num_detection_tokens": 5},
    "DetrForObjectDetection": {**_DETR, "use_timm_backbone": False, "backbone_config": _RESNET},
    "ConditionalDetrForObjectDetection": {**_DETR, "use_timm_backbone": False, "backbone_config": _RESNET},
    "BertForSequenceClassification": {**_TRANSFORMER, **_WORDS},
    "BertModel": {**_TRANSFORMER, **_WORDS},
    "DistilBertForSequenceClassification": {**_WORDS, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32},
    "GPT2LMHeadModel": {"vocab_size": 50, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32},
    "CLIPVisionModelWithProjection": {**_PICTURE, "projection_dim": 8},
    "Wav2Vec2ForSequenceClassification": {
        **_TRANSFORMER,
        "conv_dim": (8, 8),
        "conv_stride": (5, 2),
        "conv_kernel": (10, 3),
        "num_feat_extract_layers": 2,
        "num_conv_pos_embeddings": 4,
        "num_conv_pos_embedding_groups": 2,
        "classifier_proj_size": 8,
    },
}
VIT = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": 32, "width": 32},
    "resample": 2,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}


def saved(folder: Path, architecture: str, processor: dict[str, Any] | None = None, **changed: Any) -> Path:
    """`folder`, with a network in it, the same each time. Its classes have names unless `changed` says others."""
    shutil.copytree(_saved(architecture, json.dumps(changed)), folder)
    if processor:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def config_of(folder: Path, **changed: Any) -> None:
    """Changes keys of its config.json; those that become None are gone."""
    file = folder / "config.json"
    config = {**json.loads(file.read_text()), **changed}
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def loaded(folder: Path, architecture: str) -> Any:
    """By transformers itself."""
    import transformers

    return getattr(transformers, architecture).from_pretrained(folder, local_files_only=True).eval()


@functools.cache
def _saved(architecture: str, changed: str) -> Path:
    import transformers

    kind = getattr(transformers, architecture)
    given = {"id2label": LABELS, **CONFIGS[architecture], **_numbered(json.loads(changed))}
    config = kind.config_class(**given)
    torch.manual_seed(0)
    kind(config).save_pretrained(folder := Path(mkdtemp()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _numbered(changed: dict[str, Any]) -> dict[str, Any]:
    """JSON has no keys that are numbers."""
    labels = changed.get("id2label")
    return changed if labels is None else changed | {"id2label": {int(key): name for key, name in labels.items()}}
