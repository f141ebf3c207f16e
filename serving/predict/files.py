"""Answers that are files of their own, such as masks, and the records that say which is whose."""

from torchferry.serving.predict.answers import FILE, Answer, Result, Unanswered
from torchferry.serving.predict.output_folder import OutputFolder
from torchferry.serving.predict.records import Records, csv_line
from torchferry.serving.predict.sample import Sample


class Files(Records):
    """Each is written into a folder; its record is source, row, the file's name there, and the error."""

    def __init__(self, folder: OutputFolder) -> None:
        super().__init__(None)
        self.folder = folder

    def head(self, answer: Answer) -> str:  # noqa: ARG002
        return csv_line(("source", "row", FILE, "error"))

    def record(self, sample: Sample, result: Result) -> str:
        content, why = (None, result.why) if isinstance(result, Unanswered) else (result[FILE], "")
        name = self.folder.write(sample, content)
        return csv_line((sample.source, "" if sample.row is None else sample.row, name, why))
