"""The proxies, and a loss that is the mean over samples."""

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.tasks.fixed_proxies import FixedProxies, fixed_proxies, proxy_losses

CPU = torch.device("cpu")
VECTORS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])


def test_proxies_stand_at_equal_angles_where_there_is_room() -> None:
    cosines = fixed_proxies(3, 4, CPU) @ fixed_proxies(3, 4, CPU).T
    torch.testing.assert_close(cosines, torch.eye(3) * 1.5 - 0.5)


def test_more_classes_than_numbers_have_proxies_drawn_once() -> None:
    proxies = fixed_proxies(50, 8, CPU)
    torch.testing.assert_close(proxies.norm(dim=1), torch.ones(50))
    fixed_proxies.cache_clear()
    assert torch.equal(proxies, fixed_proxies(50, 8, CPU))
    assert (proxies @ proxies.T - torch.eye(50)).max() < 0.99


def test_a_batch_gives_the_mean_of_its_samples() -> None:
    loss = FixedProxies(classes=3, scale=8, margin=0.2)
    each = [loss(VECTORS[i : i + 1], CLASSES[i : i + 1]) for i in range(6)]
    torch.testing.assert_close(loss(VECTORS, CLASSES), torch.stack(each).mean())


def test_length_does_not_count_and_the_own_proxy_is_the_best() -> None:
    torch.testing.assert_close(proxy_losses(VECTORS, CLASSES, 3), proxy_losses(VECTORS * 7, CLASSES, 3))
    own = fixed_proxies(3, 4, CPU)[CLASSES]
    assert (proxy_losses(own, CLASSES, 3) < proxy_losses(VECTORS, CLASSES, 3)).all()


def test_a_margin_asks_for_more() -> None:
    assert (proxy_losses(VECTORS, CLASSES, 3, margin=0.3) > proxy_losses(VECTORS, CLASSES, 3)).all()


@pytest.mark.parametrize("args", [{"scale": 0}, {"margin": -0.1}, {"margin": 1}])
def test_what_is_no_scale_or_margin_is_refused(args: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"loss.args: scale"):
        FixedProxies(classes=3, **args)
