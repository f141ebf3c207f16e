"""Networks by name; any other `nn.Module` or torchvision model goes by its import path."""

from collections.abc import Callable

from torch import nn

from torchferry.training.models.branches import Branches
from torchferry.training.models.faster_rcnn import FasterRCNN
from torchferry.training.models.grid_detector import GridDetector
from torchferry.training.models.resnet9 import ResNet9
from torchferry.training.models.seed_nets import (
    MLP,
    Cifar2CNN,
    CifarCNN,
    ConvNet224,
    DigitsCNN,
    FashionCNN,
    MnistCNN,
    SceneCNN,
    TwoLayerNet,
)
from torchferry.training.models.text_nets import EmbeddingBag, TextTransformer
from torchferry.training.models.torchvision_detector import TorchvisionDetector
from torchferry.training.models.torchvision_segmenter import torchvision_segmenter
from torchferry.training.models.unet import UNet

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "linear": nn.Linear,
    "mlp": MLP,
    "two_layer_net": TwoLayerNet,
    "digits_cnn": DigitsCNN,
    "mnist_cnn": MnistCNN,
    "fashion_cnn": FashionCNN,
    "cifar_cnn": CifarCNN,
    "cifar2_cnn": Cifar2CNN,
    "convnet_224": ConvNet224,
    "resnet9": ResNet9,
    "scene_cnn": SceneCNN,
    "unet": UNet,
    "branches": Branches,
    "grid_detector": GridDetector,
    "torchvision_detector": TorchvisionDetector,
    "faster_rcnn": FasterRCNN,
    "torchvision_segmenter": torchvision_segmenter,
    "embedding_bag": EmbeddingBag,
    "text_transformer": TextTransformer,
}
