"""From the command line to the records: over both protocols, from a bundle, and after an interruption."""

import json
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from tests.commands import ROOT, run_python
from tests.serving import tiny_bundle, tiny_tasks
from tests.serving.peers import grpc_peer, http_peer
from tests.serving.predict.samples import folder_of_pictures
from tests.waiting import wait_until
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.errors import ServerFault, UserError
from torchferry.serving.client import Denied, Refused
from torchferry.serving.predict import predict_command
from torchferry.serving.predict.predict_command import main

ANSWER = json.dumps({"label": "7", "probability": 0.98765, "top_k": []}).encode()
ROWS = "1,0\n0.25,0.75\nwrong,0\n0,1\n1,0\n"


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text(name)
    return [str(tmp_path / name) for name in ("a.png", "b.png")]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tiny_bundle.written(tmp_path).root


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def ask(*words: object) -> None:
    main(list(map(str, words)))


def test_over_rest_there_is_a_line_for_each_image(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with http_peer() as peer:
        peer.content = ANSWER
        ask(*images, "--model", "digits", "--port", peer.port, "--header", "X-Token: mine", "--top-k", 3)
    assert capsys.readouterr().out.splitlines() == [f"7  0.9877  {image}" for image in images]
    assert sorted((path, body) for path, _, body in peer.seen) == [
        ("/predictions/digits", b"a.png"),
        ("/predictions/digits", b"b.png"),
    ]
    assert {(headers.get("X-Token"), headers.get("X-Top-K")) for _, headers, _ in peer.seen} == {("mine", "3")}


def test_over_grpc_the_lines_are_the_same(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with grpc_peer() as peer:
        peer.content = ANSWER
        ask(*images, "--model", "digits", "--grpc", "--grpc-port", peer.port, "--top-k", 3)
    assert capsys.readouterr().out.splitlines() == [f"7  0.9877  {image}" for image in images]
    assert sorted(request.input["data"] for request in peer.seen) == [b"a.png", b"b.png"]
    assert {request.input["top_k"] for request in peer.seen} == {b"3"}


def test_a_refusal_names_the_file(images: list[str]) -> None:
    with http_peer() as peer:
        peer.status, peer.content = 400, b'{"detail": "not an image"}'
        with pytest.raises(UserError, match=f"^{images[0]}: .*digits answered 400: not an image$") as refused:
            ask(images[0], "--model", "digits", "--port", peer.port)
        with pytest.raises(UserError, match=rf"^{images[0]}: .* \(and 1 more; none of them has an answer\)$"):
            ask(*images, "--model", "digits", "--port", peer.port)
    assert not isinstance(refused.value, Refused)


def test_a_model_that_is_not_there_ends_it(images: list[str], tmp_path: Path) -> None:
    with http_peer() as peer:
        peer.status, peer.content = 404, b'{"detail": "there is no digits"}'
        with pytest.raises(Denied, match=r"digits answered 404: there is no digits$"):
            ask(*images, "--model", "digits", "--port", peer.port, "-o", tmp_path / "out.csv")
    assert not list(tmp_path.glob("out.csv*"))


def test_a_file_that_cannot_be_read_is_named_before_anything_is_sent(images: list[str], tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match=rf"^{tmp_path}/missing\.png: cannot be read \(.*\); give pictures, sounds")
    with http_peer() as peer, refused:
        ask(*images, tmp_path / "missing.png", "--model", "digits", "--port", peer.port)
    assert not peer.seen


def test_rows_of_a_table_have_a_line_each(bundle: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"^1 of 5 samples have no answer$"):
        ask(rows, "--bundle", bundle)
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"no  1.0000  {rows}: row 1",
        f"yes  0.7500  {rows}: row 2",
        f"yes  1.0000  {rows}: row 4",
        f"no  1.0000  {rows}: row 5",
    ]
    told = captured.err.splitlines()
    assert told[:2] == [
        f"torchferry: {bundle}: onnx-fp32 answers, as on a server; --variant names another",
        f"torchferry: {rows}: its first line is taken for a sample, not for names",
    ]
    assert told[2].startswith(f"torchferry: {rows}: row 3: ")
    assert len(told) == 3


def test_records_go_to_a_file_or_to_the_standard_output(
    bundle: Path, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.write_text("1,0\n0.25,0.75\n")
    ask(rows, "--bundle", bundle, "-o", tmp_path / "out.csv", "--top-k", 2)
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "source,row,label,probability,label_2,probability_2,error",
        f"{rows},1,no,1.0,yes,0.0,",
        f"{rows},2,yes,0.75,no,0.25,",
    ]
    assert capsys.readouterr().out == f"{tmp_path}/out.csv: 2 samples\n"
    ask(rows, "--bundle", bundle, "--format", "jsonl")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"source": str(rows), "row": 1, "label": "no", "probability": 1.0},
        {"source": str(rows), "row": 2, "label": "yes", "probability": 0.75},
    ]


def test_nothing_is_written_where_no_sample_has_an_answer(bundle: Path, rows: Path, tmp_path: Path) -> None:
    rows.write_text("1\n" * 1005)
    with pytest.raises(UserError, match=r"rows\.csv: row 1: .* \(and 999 more; none of them has an answer\)$"):
        ask(rows, "--bundle", bundle, "--processes", 1, "-o", tmp_path / "out.csv")
    assert not list(tmp_path.glob("out.csv*"))


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_wherever_it_was_cut_it_ends_the_same(bundle: Path, rows: Path, tmp_path: Path, format_: str) -> None:
    output = tmp_path / f"out.{format_}"
    words = (rows, "--bundle", bundle, "-o", output)
    with pytest.raises(UserError, match=f"^1 of 5 samples have no answer; {output} says why$"):
        ask(*words)
    whole = output.read_bytes()
    for length in [*range(1, len(whole), 23), len(whole)]:
        output.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"^1 of 5 samples have no answer"):
            ask(*words)
        assert output.read_bytes() == whole, length


def test_it_goes_on_with_more_of_the_same_and_not_with_something_else(
    bundle: Path, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.csv"
    rows.write_text("1,0\n0,1\n")
    ask(rows, "--bundle", bundle, "-o", output)
    rows.write_text("1,0\n0,1\n1,0\n")
    ask(rows, "--bundle", bundle, "-o", output)
    assert len(output.read_text().splitlines()) == 4
    said = [line for line in capsys.readouterr().err.splitlines() if "already" in line]
    assert said == [f"torchferry: {output}: has 2 samples already, and goes on behind them"]
    for words in ((rows, "--top-k", 2), (rows, rows)):
        with pytest.raises(UserError, match="cannot go on: it was begun with"):
            ask(*words, "--bundle", bundle, "-o", output)


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder_of_pictures(tmp_path / "pictures", "a.png")
    (tmp_path / "pictures" / "notes.txt").write_text("text")
    with http_peer() as peer:
        peer.content = ANSWER
        ask(tmp_path / "pictures", "--model", "digits", "--port", peer.port)
    left_out = f"torchferry: left out 1 file that is no picture: {tmp_path}/pictures/notes.txt"
    assert capsys.readouterr().err.splitlines()[-1] == left_out


def test_a_file_of_training_is_asked_about_without_what_is_predicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = TableSpec(columns=(Encoder(column="a"), Encoder(column="b")), targets=("price",))
    table = tiny_bundle.written_table(tmp_path, spec, tiny_bundle.GOLDEN)
    (tmp_path / "rows.csv").write_text("price,b,a\n9,2,1\n8,4,3\n")
    ask(tmp_path / "rows.csv", "--bundle", table.root, "--format", "csv")
    captured = capsys.readouterr()
    assert [line.split(",", 2)[2] for line in captured.out.splitlines()] == ["a,b,error", "1.0,2.0,", "3.0,4.0,"]
    assert captured.err.splitlines()[-1] == (
        f"torchferry: {tmp_path}/rows.csv: column 'price' is what the model predicts, and is left out"
    )


def test_each_output_with_labels_has_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several = tiny_bundle.written_several(tmp_path)
    (tmp_path / "rows.csv").write_text("0.25,0.75\n1,0\n")
    ask(tmp_path / "rows.csv", "--bundle", several.root, "--format", "csv", "--top-k", 2)
    captured = capsys.readouterr()
    labels = ("label", "score", "label_2", "score_2")
    names = [f"{output}:{each}" for output in ("kind", "colour") for each in labels]
    assert captured.out.splitlines()[0] == f"source,row,{','.join(names)},size,error"
    assert captured.out.splitlines()[2].endswith(',2,car,1.0,bus,0.0,red,1.0,blue,0.0,"[1.0, 0.0]",')
    assert "--top-k" not in captured.err


def test_a_text_is_no_picture_and_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a model of pictures its answer says so, and nothing is said of a first line."""
    bundle = tiny_bundle.written_pictures(tmp_path)
    (tmp_path / "notes.txt").write_text("dear all, hello\n")
    with pytest.raises(UserError, match=r"notes\.txt: 'row': the 16 bytes are not an image in "):
        ask(tmp_path / "notes.txt", "--bundle", bundle.root)
    assert "first line" not in capsys.readouterr().err


def test_names_that_are_numbers_are_not_taken_for_a_row(tmp_path: Path) -> None:
    """The rows behind them have another order than the table that was trained on."""
    columns = (Encoder(column="0"), Encoder(column="1"))
    table = tiny_bundle.written_table(tmp_path, TableSpec(columns=columns), tiny_bundle.GOLDEN)
    (tmp_path / "rows.csv").write_text("1,0\n0.25,0.75\n")
    with pytest.raises(
        UserError, match=r"rows\.csv: line 1: '1,0' may be the columns' names or a row; send records as"
    ):
        ask(tmp_path / "rows.csv", "--bundle", table.root)


def test_best_labels_of_what_ranks_none_are_told_to_be_none(
    images: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with http_peer() as peer:
        peer.content = json.dumps({"model": "m", "values": {"y": 0.5}}).encode()
        ask(images[0], "--model", "digits", "--port", peer.port, "--top-k", 2)
    captured = capsys.readouterr()
    assert captured.out == f"y 0.5  {images[0]}\n"
    assert captured.err.startswith("torchferry: --top-k: the model does not rank labels")


def test_what_was_assumed_is_said_once(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with http_peer() as peer:
        peer.content = json.dumps({"label": "7", "probability": 1.0, "notes": ["column 1 is left out"]}).encode()
        ask(images[0], images[0], "--model", "digits", "--port", peer.port, "--format", "jsonl")
    captured = capsys.readouterr()
    assert captured.err == f"torchferry: {images[0]}: column 1 is left out\n"
    assert "notes" not in captured.out


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Three pictures, and a file that is none."""
    folder = tmp_path / "shots"
    (folder / "b").mkdir(parents=True)
    for name, pixels in zip(("a.jpg", "a.png", "b/c.png"), tiny_tasks.PIXELS, strict=True):
        (folder / name).write_bytes(tiny_tasks.picture_file(pixels))
    (folder / "broken.png").write_text("no picture")
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_masks_go_into_a_folder(tmp_path: Path, shots: Path) -> None:
    bundle, output = tiny_tasks.written(tmp_path, "segmentation"), tmp_path / "masks"
    words = (shots, "--bundle", bundle.root, "--processes", 1, "-o", output, "--format", "png")
    with pytest.raises(UserError, match=r"^1 of 4 samples have no answer; .*masks/predictions.csv says why$"):
        ask(*words)
    whole = files_in(output)
    masks = [bundle.task.file("png", {"classes": mask}, None) for mask in bundle.golden()[1]["classes"]]
    assert [whole[name] for name in ("a.png", "a_2.png", "b/c.png")] == masks
    index, rest = output / "predictions.csv", {"predictions.csv", "predictions.csv.about.json"}
    assert whole.keys() - rest == {"a.png", "a_2.png", "b/c.png"}
    records = [line.split(",")[:3] for line in index.read_text().splitlines()]
    names = [("a.jpg", "a.png"), ("a.png", "a_2.png"), ("broken.png", ""), ("b/c.png", "b/c.png")]
    assert records == [["source", "row", "file"], *([f"{shots}/{source}", "", name] for source, name in names)]
    for length in range(1, len(whole["predictions.csv"]), 29):
        index.write_bytes(whole["predictions.csv"][:length])
        (output / "a_2.png").write_bytes(b"not whole")
        (output / "b" / "c.png").unlink()
        again = length <= whole["predictions.csv"].index(b"a_2.png,")
        with pytest.raises(UserError, match=r"^1 of 4 samples have no answer"):
            ask(*words)
        assert files_in(output) == whole | ({} if again else {"a_2.png": b"not whole"}), length


def test_a_server_is_asked_for_files(tmp_path: Path, shots: Path) -> None:
    with http_peer() as peer:
        words = (shots / "a.jpg", "--model", "roads", "--port", peer.port, "--format", "png", "-o", tmp_path / "masks")
        peer.content, peer.kind = b"{}", "application/json"
        with pytest.raises(UserError, match="roads answered in JSON and not with a png"):
            ask(*words)
        assert not (tmp_path / "masks").exists()
        peer.content, peer.kind = b"a mask", "image/png"
        ask(*words)
    assert (tmp_path / "masks" / "a.png").read_bytes() == b"a mask"


def test_a_form_that_the_task_has_not_is_refused(bundle: Path, tmp_path: Path, rows: Path) -> None:
    masks = tiny_tasks.written(tmp_path, "segmentation").root
    for root, says in ((bundle, "tiny answers in csv, jsonl"), (masks, r"did you mean png\?")):
        with pytest.raises(UserError, match=f"^--format: there is no 'pngs'; {says}"):
            ask(rows, "--bundle", root, "--format", "pngs", "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_glob_does_not_mean_what_is_written_itself(bundle: Path, tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.csv").write_text("1,0\n0,1\n")
    output = tmp_path / f"records.{ending}"
    ask(tmp_path / "*.[cj]s*", "--bundle", bundle, "-o", output)
    written = output.read_bytes()
    assert written.count(b"a.csv") == 2
    ask(tmp_path / "*.[cj]s*", "--bundle", bundle, "-o", output)
    assert output.read_bytes() == written


def test_ctrl_c_is_one_line_and_the_same_command_goes_on(bundle: Path, tmp_path: Path) -> None:
    rows, output = tmp_path / "many.csv", tmp_path / "out.csv"
    rows.write_text("".join(f"{number},1\n" for number in range(100_000)))
    command = [sys.executable, "-m", "torchferry", "predict", rows, "--bundle", bundle, "-o", output]
    with subprocess.Popen([*map(str, command)], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        wait_for_records(output, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    *_, last = said.splitlines()
    assert last.startswith("torchferry: stopped after ")
    assert last.endswith(" samples; the same command goes on with the next one")
    assert len(said.splitlines()) == 3  # with the variant, and what the first line of the table was taken for


def wait_for_records(output: Path, process: "subprocess.Popen[str]") -> None:
    wait_until(lambda: process.poll() is not None or (output.exists() and output.stat().st_size > 0))
    assert process.poll() is None


@pytest.mark.slow
def test_no_torch_is_loaded_for_an_onnx_variant(bundle: Path, rows: Path) -> None:
    module = "torchferry.serving.predict.predict_command"
    code = f"import sys; from {module} import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    rows.write_text("1,0\n")
    done = run_python("-c", code, rows, "--bundle", bundle)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "False"), done.stderr


def test_a_process_that_dies_is_said(monkeypatch: pytest.MonkeyPatch, bundle: Path, rows: Path) -> None:
    def broken(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(predict_command, "_first_answer", broken)
    with pytest.raises(ServerFault, match=r"^one of the processes was killed after 0 samples"):
        ask(rows, "--bundle", bundle)
