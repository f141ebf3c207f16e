from torchferry.csv_reader import csv_reader


def test_a_cell_may_be_longer_than_python_allows() -> None:
    line = ",".join(["0.125"] * 40_000)
    assert [*csv_reader([line], delimiter=";")] == [[line]]
