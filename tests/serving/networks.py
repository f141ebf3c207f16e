"""Networks that were never trained here, taken by their import path."""

import torch
from torch import nn


class Branching(nn.Module):
    """What it computes depends on what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        given = self.layer(row)
        if given.sum() > 0:
            return given * 2
        return given


class FixedBatch(nn.Module):
    """Gives two rows, whatever it gets."""

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return row.reshape(2, -1)


class Squeezing(nn.Module):
    """Loses the batch axis with a batch of one."""

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return row.sum(1, keepdim=True).squeeze()


class TwoAndTwo(nn.Module):
    """Words and numbers in, scores and a class out."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(50, 8), nn.Linear(12, 3)

    def forward(self, words: torch.Tensor, numbers: torch.Tensor) -> dict[str, torch.Tensor]:
        scores = self.head(torch.cat([self.words(words).mean(dim=1), numbers], dim=1))
        return {"scores": scores, "best": scores.argmax(dim=1)}


class Named(nn.Module):
    """Gives its logits under a name, as transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, row: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.layer(row)}


class Large(nn.Module):
    """Outputs of 100,000, which float32 knows to 0.01."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 3))

    def forward(self, file: torch.Tensor) -> torch.Tensor:
        return 1e6 * self.layers(file)


class Brief(nn.Module):
    """Gives numbers that numpy does not have."""

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return row.bfloat16()


class SquareRoot(nn.Module):
    """NaN for about every other sample."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.layer(row).sqrt()


class Eigenvalues(nn.Module):
    """Torch can export it, but ONNX has no such operator."""

    def forward(self, matrix: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvalsh(matrix)


def one_logit(hidden: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 1))


class Uneven(nn.Module):
    """One channel is a million times as large as those that decide, so 8 bits for all of them lose the others."""

    def __init__(self, layers: int = 1) -> None:
        super().__init__()
        self.before = nn.Sequential(*(nn.Linear(8, 8, bias=False) for _ in range(layers - 1)))
        self.last = nn.Linear(9, 4, bias=False)
        with torch.no_grad():
            for weight in self.before.parameters():
                weight.copy_(torch.eye(8))
            self.last.weight.zero_()
            self.last.weight[:, :4] = 5 * torch.eye(4)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        row = self.before(row)
        return self.last(torch.cat([row, 1e6 * row[:, :1]], dim=1))


class TwoPictures(nn.Module):
    """A picture in colour, a grey one of another size and two numbers in, scores of two classes out."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(3 * 8 * 8, 4), nn.Linear(6 * 10, 4), nn.Linear(10, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        seen = [self.left(left.flatten(1)), self.right(right.flatten(1)), numbers]
        return self.head(torch.cat(seen, dim=1).tanh())


class Segmenter(nn.Module):
    """Logits of each pixel as torchvision gives them: in a dict, with those of an auxiliary head."""

    def __init__(self, classes: int = 11) -> None:
        super().__init__()
        self.out, self.aux = nn.Conv2d(1, classes, 3, padding=1), nn.Conv2d(1, classes, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"out": self.out(image), "aux": self.aux(image)}


class Candidates(nn.Module):
    """Boxes with logits, at two places of each picture."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.scores = nn.Linear(64 * 64, 2 * classes)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        boxes = torch.tensor([[4.0, 4, 20, 20], [30, 30, 60, 60]])
        return {
            "boxes": boxes.expand(len(image), -1, -1),
            "logits": self.scores(image.flatten(1)).unflatten(1, (2, -1)),
        }


class DigitAndInk(nn.Module):
    """Two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.digit, self.ink = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor | None]:
        flat = image.flatten(1)
        return {"digit": self.digit(flat), "ink": self.ink(flat), "loss": None}


def quarter() -> nn.Module:
    """Logits for a quarter of the rows and columns, as transformers' segmenters give them."""
    return nn.Conv2d(1, 11, 4, stride=4)


class ListsOfBoxes(nn.Module):
    """As torchvision's detectors answer."""

    def forward(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return [{"boxes": torch.zeros(2, 4), "scores": torch.zeros(2)} for _ in images]


def lists_of_boxes() -> nn.Module:
    return ListsOfBoxes()
