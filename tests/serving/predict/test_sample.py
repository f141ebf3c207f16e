from tests.serving.predict.samples import instance, row
from torchferry.serving.predict.sample import Sample


def test_a_place_is_the_file_and_the_row_in_it() -> None:
    assert Sample("a.png", None, "file").place == "a.png"
    assert row(3).place == "rows.csv: row 3"


def test_rows_and_instances_go_into_one_body_and_files_do_not() -> None:
    assert row(1).joins
    assert instance(1, "[1]").joins
    assert not Sample("a.png", None, "file").joins
