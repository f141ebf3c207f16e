"""torchvision's ResNet-18 and ResNet-50, layer for layer and weight for weight, where torchvision is not installed."""

import torch
from torch import nn
from torch.nn import functional


def resnet18(num_classes: int = 1000) -> nn.Module:
    return ResNet(Basic, (2, 2, 2, 2), num_classes)


def resnet50(num_classes: int = 1000) -> nn.Module:
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes)


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        branch = self.bn2(self.conv2(_relu(self.bn1(self.conv1(images)))))
        return _relu(branch + (images if self.downsample is None else self.downsample(images)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = _convolution(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _convolution(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = downsample

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        branch = _relu(self.bn1(self.conv1(images)))
        branch = self.bn3(self.conv3(_relu(self.bn2(self.conv2(branch)))))
        return _relu(branch + (images if self.downsample is None else self.downsample(images)))


class ResNet(nn.Module):
    """[batch, 3, height, width] to [batch, classes]."""

    def __init__(self, block: type[Basic] | type[Bottleneck], blocks: tuple[int, int, int, int], classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(3, 64, 7, 2), nn.BatchNorm2d(64)
        self.maxpool, inputs = nn.MaxPool2d(3, 2, 1), 64
        for stage, count in enumerate(blocks):
            width = 64 << stage
            self.add_module(f"layer{stage + 1}", _layer(block, inputs, width, count, stride=1 if stage == 0 else 2))
            inputs = width * block.expansion
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.maxpool(_relu(self.bn1(self.conv1(images))))
        for stage in (1, 2, 3, 4):
            features = self.get_submodule(f"layer{stage}")(features)
        return self.fc(functional.adaptive_avg_pool2d(features, 1).flatten(1))


def _layer(block: type[Basic] | type[Bottleneck], inputs: int, width: int, count: int, stride: int) -> nn.Sequential:
    outputs, downsample = width * block.expansion, None
    if stride != 1 or inputs != outputs:
        downsample = nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
    first = block(inputs, width, stride, downsample)
    return nn.Sequential(first, *(block(outputs, width, 1, None) for _ in range(1, count)))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)


def _relu(values: torch.Tensor) -> torch.Tensor:
    return functional.relu(values, inplace=True)
