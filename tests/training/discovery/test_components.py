from torchferry.training.discovery.components import KINDS


def test_a_kind_goes_through_its_names() -> None:
    names = {kind.name: list(kind) for kind in KINDS}
    assert {"image_folder", "table"} <= set(names["source"])
    assert {"SGD", "AdamW"} <= set(names["optimizer"])
    assert {"classification", "binary", "regression", "multilabel"} <= set(names["task"])
    assert "tensors" not in names["task"]
