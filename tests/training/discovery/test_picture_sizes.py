from pathlib import Path

import pytest

from tests.training.discovery.small_data import folder_of, shard_of
from torchferry.training.discovery.picture_sizes import fitting, network_for, said, sizes_below, sizes_in_shard


def test_pictures_are_measured_and_other_files_are_not(tmp_path: Path) -> None:
    folder_of(tmp_path, train=2, test=1)
    (tmp_path / "train" / "notes.txt").write_text("nothing")
    assert sizes_below(tmp_path) == [(40, 36)] * 6
    assert sizes_in_shard(str(shard_of(tmp_path / "a.tar", 3))) == [(40, 36)] * 3


def test_what_is_not_there_has_no_sizes(tmp_path: Path) -> None:
    assert sizes_below(tmp_path / "nowhere") == []
    assert sizes_in_shard(str(tmp_path / "nowhere.tar")) == []
    assert said([]) == ""


@pytest.mark.parametrize(
    ("sizes", "asked", "side"),
    [([(480, 640)], None, 224), ([(64, 64)], None, 64), ([(32, 32)], None, 32), ([(8, 8)], None, 32), ([], None, 224),
     ([(480, 640)], 96, 96), ([(30, 500), (300, 300), (400, 400)], None, 224)],
)  # fmt: skip
def test_the_side_suits_the_usual_picture_or_is_what_was_asked(
    sizes: list[tuple[int, int]], asked: int | None, side: int
) -> None:
    assert fitting(sizes, asked) == side


def test_a_network_suits_the_side() -> None:
    assert network_for(32, 3)[0].args == {"classes": 3}
    assert network_for(224, 3)[0].args == {"num_classes": 3}
    assert said([(40, 36), (50, 30)]) == "pictures are 40 to 50 high, 30 to 36 wide"
