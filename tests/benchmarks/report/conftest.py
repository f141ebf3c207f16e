"""One report of everything."""

from pathlib import Path

import pytest

from tests.benchmarks.report.parsed import Page
from tests.benchmarks.report.written import everything
from torchferry.benchmarks.report.report_command import main


@pytest.fixture(scope="package")
def path(run: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    assert bundle.parent == run
    main([str(run), *map(str, everything(folder)), "-o", str(folder / "report.html")])
    return folder / "report.html"


@pytest.fixture(scope="package")
def page(path: Path) -> Page:
    return Page(path.read_text())
