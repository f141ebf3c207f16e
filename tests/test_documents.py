"""Paths and links in the documents at the top of the repository exist."""

import re

import pytest

from tests.commands import ROOT
from tests.some import some

PATH = re.compile(r"`((?:torchferry|training|serving|benchmarks|tests|k8s|docker)/[\w./-]*)`")


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_path_that_is_named_exists(document: str) -> None:
    named = some(name for name in PATH.findall((ROOT / document).read_text()) if "<" not in name)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_link_within_the_repository_leads_somewhere(document: str) -> None:
    links = some(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / document).read_text()))
    assert [link for link in links if not (ROOT / link).exists()] == []
