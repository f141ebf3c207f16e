"""Sounds that a list names."""

from pathlib import Path

from tests.training.data.sounds.spoken import spoken
from tests.training.data.sources import refusal, source


def test_a_list_says_path_label_and_group(tmp_path: Path) -> None:
    spoken(tmp_path, "abcdefgh", takes=1)
    rows = [f"{label}/{who}_0,{label},{who}" for who in "abcdefgh" for label in ("low", "high")]
    (tmp_path / "list.csv").write_text("\n".join(("audio,label,speaker", *rows)))
    args = {"path": str(tmp_path / "list.csv"), "suffix": ".wav", "group_column": "speaker", "test_fraction": 0.4}
    found = source("audio_list", **args)
    assert found.labels == ("high", "low")
    assert found.train_size + found.test_size == 16
    assert found.test_size % 2 == 0
    assert found.train[0][0].shape == (1600 + 160 * "abcdefgh".index(found.train.file(0)[0][-7]),)  # type: ignore[attr-defined]
    words = refusal(lambda: source("audio_list", **{**args, "group_column": "speakers"}))
    assert words.startswith("data.source.args.group_column:")
