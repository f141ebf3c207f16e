"""The zoo: networks by name, how each is exported, and what becomes of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

OURS = "tests.serving.zoo.networks"
VISION = "torchvision.models"


@dataclass(frozen=True)
class Member:
    name: str
    model: str
    inputs: tuple[str, ...]
    args: dict[str, object] = field(default_factory=dict)
    refused: str = ""
    """Words of the reason; empty for those that are served."""

    @property
    def options(self) -> list[str]:
        """As `torchferry export` takes them."""
        given = [f"--input={each}" for each in self.inputs]
        return ["--model", self.model, "--model-args", json.dumps(self.args), "--name", self.name, *given]


def vision(name: str, size: int = 64, channels: str = "", refused: str = "", **args: object) -> Member:
    """One of torchvision's, with random weights."""
    short = name.rpartition(".")[2].replace("_", "-")
    return Member(short, f"{VISION}.{name}", (f"image{channels}:{size}",), {"weights": None, **args}, refused)


def ours(kind: str, *inputs: str, refused: str = "") -> Member:
    return Member(kind.lower(), f"{OURS}.{kind}", inputs, refused=refused)


SMALL: Sequence[Member] = (
    ours("Table", "categories=tensor:INT64:2", "numbers=tensor:FP32:6"),
    ours("Encoder", "input_ids=tensor:INT64:16", "attention_mask=tensor:INT64:16"),
    ours("Decoder", "input_ids=tensor:INT64:12"),
    ours("UNet", "image:32"),
    ours("Generator", "noise=tensor:FP32:16"),
    ours("Siamese", "left=image:32", "right=image:32"),
    ours("Heads", "image:32"),
    ours("Series", "series=tensor:FP32:2x24"),
    ours("Recurrent", "series=tensor:FP32:10x3"),
    ours("Packed", "input_ids=tensor:INT64:12", "attention_mask=tensor:INT64:12"),
    vision("squeezenet1_1", num_classes=10),
    vision("shufflenet_v2_x0_5", num_classes=10),
)
"""What CI tries: seconds each."""

REFUSED: Sequence[Member] = (
    ours("Autoencoder", "row=tensor:FP32:8", refused="random"),
    ours("Retrieval", "row=tensor:FP32:8", refused="not independent"),
)
"""What must not be served, with the reason."""

LARGE: Sequence[Member] = (
    vision("alexnet"),
    vision("vgg11"),
    vision("vgg11_bn"),
    vision("resnet18"),
    vision("resnet50"),
    vision("resnext50_32x4d"),
    vision("wide_resnet50_2"),
    vision("densenet121"),
    vision("googlenet", aux_logits=False, init_weights=False),
    vision("inception_v3", 96, aux_logits=False, init_weights=False),
    vision("mobilenet_v2"),
    vision("mobilenet_v3_small"),
    vision("mobilenet_v3_large"),
    vision("mnasnet0_5"),
    vision("mnasnet1_0"),
    vision("shufflenet_v2_x1_0"),
    vision("efficientnet_b0"),
    vision("efficientnet_v2_s"),
    vision("regnet_y_400mf"),
    vision("regnet_x_400mf"),
    vision("convnext_tiny"),
    vision("vit_b_16", 224),
    vision("vit_b_32", 64, image_size=64),
    vision("swin_t"),
    vision("swin_v2_t"),
    vision("maxvit_t", 224),
    vision("segmentation.fcn_resnet50", weights_backbone=None, aux_loss=True),
    vision("segmentation.deeplabv3_mobilenet_v3_large", weights_backbone=None, aux_loss=False),
    vision("segmentation.lraspp_mobilenet_v3_large", weights_backbone=None),
    Member("r3d-18", f"{VISION}.video.r3d_18", ("x=tensor:FP32:3x8x64x64",), {"weights": None}),
    Member("mc3-18", f"{VISION}.video.mc3_18", ("x=tensor:FP32:3x8x64x64",), {"weights": None}),
    Member(
        "ssdlite",
        f"{VISION}.detection.ssdlite320_mobilenet_v3_large",
        ("image:320",),
        {"weights": None, "weights_backbone": None},
        refused="output",
    ),
    Member(
        "faster-rcnn",
        f"{VISION}.detection.fasterrcnn_mobilenet_v3_large_320_fpn",
        ("image:320",),
        {"weights": None, "weights_backbone": None},
        refused="output",
    ),
)
"""torchvision's families, for `pytest -m sweep`."""

TIMM = (
    *(
        "resnet10t",
        "resnet26d",
        "efficientnet_lite0",
        "mobilenetv3_small_050",
        "tf_mobilenetv3_small_075",
        "ghostnet_050",
    ),
    *("lcnet_050", "hardcorenas_a", "regnetx_002", "regnety_002", "vit_tiny_patch16_224", "deit_tiny_patch16_224"),
    *("swin_tiny_patch4_window7_224", "convnext_atto", "convnextv2_atto", "mixer_s32_224", "resmlp_12_224"),
    *("poolformer_s12", "edgenext_xx_small", "mobilevit_xxs", "pit_ti_224", "xcit_nano_12_p16_224", "levit_128s"),
    *("crossvit_tiny_240", "visformer_tiny", "coat_tiny", "gmlp_ti16_224", "dpn48b", "dla46_c", "densenet121"),
    *(
        "inception_v4",
        "repvgg_a0",
        "rexnet_100",
        "semnasnet_050",
        "fbnetc_100",
        "cspresnet50",
        "selecsls42",
        "nf_resnet26",
    ),
    *("eca_resnet33ts", "hrnet_w18_small", "res2net50_26w_4s", "skresnet18", "sehalonet33ts", "botnet26t_256"),
)

TIMM_REFUSED = {"visformer_tiny": "differ"}
"""With random weights its values grow to hundreds, and float32 rounds by more than a thousandth of them."""


def timm(name: str) -> Member:
    args = {"model_name": name, "num_classes": 10}
    return Member(f"timm-{name}", "timm.create_model", ("image:224",), args, TIMM_REFUSED.get(name, ""))
