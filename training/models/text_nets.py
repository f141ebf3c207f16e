"""Networks for samples that are token ids: int64 [batch, tokens], with a mask, bool [batch, tokens]."""

import torch
from torch import nn

from torchferry.training.models.masked import masked_mean


class EmbeddingBag(nn.Module):
    """The mean of the tokens' vectors, and a linear layer: [batch, tokens] to [batch, classes].

    Args:
        rows: How many token ids there are, such as the vocabulary of the tokenizer.
        classes: How many there are, one output for each.
        width: Numbers of a token's vector.
        dropout: Share of the mean's numbers that dropout leaves out, 0..1.
    """

    def __init__(self, rows: int, classes: int, width: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(rows, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(masked_mean(self.tokens(ids), mask)))


class TextTransformer(nn.Module):
    """An encoder with learnt places, whose vectors' mean is classified: [batch, tokens] to [batch, classes].

    Args:
        rows: How many token ids there are, such as the vocabulary of the tokenizer.
        classes: How many there are, one output for each.
        most: The most tokens of a text, as data.source says.
        width: Numbers of a token's vector, a multiple of heads.
        heads: Of each layer's attention.
        layers: How many.
        dropout: Share of values that dropout leaves out, 0..1.
    """

    def __init__(
        self,
        rows: int,
        classes: int,
        most: int,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        dropout: float = 0.1,
    ) -> None:
        if width % heads:
            raise ValueError(f"width {width} is no multiple of {heads} heads")
        super().__init__()
        self.tokens = nn.Embedding(rows, width)
        self.places = nn.Embedding(most, width)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        vectors = self.dropout(self.tokens(ids) + self.places(places))
        return self.head(masked_mean(self.encoder(vectors, src_key_padding_mask=~mask), mask))
