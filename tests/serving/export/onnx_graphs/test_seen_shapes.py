"""An output's axis follows the input's whose size it had in all calls."""

import torch

from torchferry.serving.export.onnx_graphs.seen_shapes import SeenShapes


def test_an_axis_that_varied_has_the_size_of_the_input_that_it_followed() -> None:
    seen = SeenShapes()
    for high, wide in ((4, 6), (4, 8), (6, 8)):
        seen.add([torch.zeros(1, high, wide)], [torch.zeros(1, 3, wide), torch.zeros(1, high // 2)])
    shapes = seen.of_outputs([torch.zeros(2, 10, 12)], [torch.zeros(1, 3, 8), torch.zeros(1, 3)])
    assert shapes == [(3, 12), (10,)]  # of one that follows none it only counts that it varies


def test_where_nothing_varied_sizes_are_those_of_the_last_call() -> None:
    seen = SeenShapes()
    seen.add([torch.zeros(1, 4)], [torch.zeros(1, 7)])
    assert seen.of_outputs([torch.zeros(2, 4)], [torch.zeros(1, 7)]) == [(7,)]
