"""Small networks of the kinds that people bring, which no library has by a name."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Table(nn.Module):
    """Categories through embeddings beside numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.city, self.kind = nn.Embedding(20, 4), nn.Embedding(5, 2)
        self.layers = nn.Sequential(nn.Linear(12, 32), nn.BatchNorm1d(32), nn.SiLU(), nn.Linear(32, 3))

    def forward(self, categories: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        embedded = self.city(categories[:, 0]), self.kind(categories[:, 1])
        return self.layers(torch.cat([*embedded, numbers], dim=1))


class Encoder(nn.Module):
    """A transformer of fixed length, with a mask of what is padding: pooled, as a classifier of texts."""

    def __init__(self, length: int = 16, width: int = 32) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 4, 64, batch_first=True)
        self.words, self.places = nn.Embedding(100, width), nn.Parameter(torch.randn(length, width))
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 4)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        kept = attention_mask.float()
        kept[:, 0] = 1.0  # a text has a first word
        seen = self.encoder(self.words(input_ids) + self.places, src_key_padding_mask=kept == 0)
        return self.head((seen * kept[..., None]).sum(1) / kept.sum(1, keepdim=True))


class Decoder(nn.Module):
    """Causal attention of fixed length: the logits of each next word."""

    def __init__(self, length: int = 12, width: int = 32) -> None:
        super().__init__()
        self.words, self.attention = nn.Embedding(50, width), nn.Linear(width, 3 * width)
        self.places, self.head = nn.Parameter(torch.randn(length, width)), nn.Linear(width, 50)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        seen = self.words(input_ids) + self.places
        query, key, value = self.attention(seen).unflatten(2, (4, -1)).transpose(1, 2).chunk(3, dim=-1)
        given = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.head(seen + given.transpose(1, 2).flatten(2))


class UNet(nn.Module):
    """Down, up and a shortcut: classes for each pixel."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.into, self.down = _block(3, 8), _block(8, 16)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.out = nn.Sequential(_block(16, 8), nn.Conv2d(8, classes, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        fine = self.into(image)
        coarse = self.down(functional.max_pool2d(fine, 2))
        return self.out(torch.cat([fine, self.up(coarse)], dim=1))


class Generator(nn.Module):
    """Of a GAN: noise that the caller gives becomes a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(16, 32, 4),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.layers(noise[:, :, None, None])


class Siamese(nn.Module):
    """How alike two pictures are."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(_block(3, 8), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 16))

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return functional.cosine_similarity(self.tower(left), self.tower(right))[:, None]


class Heads(nn.Module):
    """Several answers to one picture."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_block(3, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.kind, self.age, self.embedding = nn.Linear(8, 5), nn.Linear(8, 1), nn.Linear(8, 6)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = self.body(image)
        return {"kind": self.kind(seen), "age": self.age(seen), "embedding": functional.normalize(self.embedding(seen))}


class Series(nn.Module):
    """Dilated convolutions over a series of fixed length: its next values."""

    def __init__(self) -> None:
        super().__init__()
        layers = (nn.Conv1d(2 if not n else 16, 16, 3, dilation=2**n, padding="same") for n in range(3))
        self.layers = nn.Sequential(*(part for layer in layers for part in (layer, nn.GELU())), nn.Conv1d(16, 2, 1))

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        return self.layers(series)[:, :, -4:]


class Autoencoder(nn.Module):
    """A variational one, which draws from its distribution also in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread, self.out = nn.Linear(8, 4), nn.Linear(8, 4), nn.Linear(4, 8)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        spread = (0.5 * self.spread(row)).exp()
        return self.out(self.mean(row) + spread * torch.randn_like(spread))


class Retrieval(nn.Module):
    """Compares the samples of a batch with each other, as contrastive training does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        seen = functional.normalize(self.layer(row))
        return (seen @ seen.T).softmax(dim=1) @ seen


class Recurrent(nn.Module):
    """An LSTM over a series of fixed length."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        seen, _ = self.lstm(series)
        return self.head(seen[:, -1])


class Packed(nn.Module):
    """A GRU in both directions over texts of unequal lengths, which were sorted by length when it was trained."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(100, 8), nn.Linear(16, 3)
        self.gru = nn.GRU(8, 8, 2, batch_first=True, bidirectional=True)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        lengths = attention_mask.sum(1).clamp(min=1)
        packed = pack_padded_sequence(self.words(input_ids), lengths.cpu(), batch_first=True)
        seen, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.head(seen.sum(1) / lengths[:, None])


def _block(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(2, after), nn.ReLU())
