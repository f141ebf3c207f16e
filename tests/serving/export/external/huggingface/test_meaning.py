"""Tasks that an architecture says, and labels."""

from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from torchferry.serving.export.external.huggingface.answers import Candidates, Named, Pixels, Scores, Vector
from torchferry.serving.export.external.huggingface.meaning import labels_of, meaning_of


def config(**values: Any) -> Any:
    return SimpleNamespace(**{"num_labels": 3, "id2label": {0: "a", 1: "b", 2: "c"}, **values})


@pytest.mark.parametrize(
    ("architecture", "values", "task", "gives"),
    [
        ("ViTForImageClassification", {}, "classification", Scores),
        ("ASTForAudioClassification", {"problem_type": "multi_label_classification"}, "multilabel", Scores),
        ("BertForSequenceClassification", {"num_labels": 1}, "regression", Scores),
        ("BertForSequenceClassification", {"problem_type": "regression"}, "regression", Scores),
        ("BertForSequenceClassification", {"problem_type": "ranking"}, None, Named),
        ("DPTForSemanticSegmentation", {}, "segmentation", Pixels),
        ("YolosForObjectDetection", {}, "detection", Candidates),
        ("RTDetrForObjectDetection", {"use_focal_loss": True}, "detection", Candidates),
        ("RTDetrForObjectDetection", {"use_focal_loss": False}, None, Named),
        ("OwlViTForObjectDetection", {}, None, Named),
        ("CLIPVisionModelWithProjection", {}, "embedding", Vector),
        ("BertForTokenClassification", {}, None, Named),
        ("BertModel", {}, None, Named),
    ],
)
def test_a_task_is_taken_where_it_is_certain(architecture: str, values: Any, task: str | None, gives: type) -> None:
    found = meaning_of(nn.Identity(), architecture, config(**values))
    assert (found.task, type(found.network)) == (task, gives)
    assert found.labels == (("a", "b", "c") if task not in (None, "embedding") else ())


def test_what_the_user_names_counts() -> None:
    assert type(meaning_of(nn.Identity(), "ViTForImageClassification", config(), "classification").network) is Scores
    for asked, outputs in [("tensors", ()), (None, ("logits",))]:
        found = meaning_of(nn.Identity(), "ViTForImageClassification", config(), asked, outputs)
        assert (found.task, found.labels, type(found.network)) == (None, (), Named)


def test_placeholders_are_no_labels() -> None:
    assert labels_of(config(id2label={0: "LABEL_0", 1: "LABEL_1"})) == ()
    assert labels_of(config(id2label={"1": "b", "0": "LABEL_0"})) == ("LABEL_0", "b")
    assert labels_of(config(id2label=None)) == labels_of(config(id2label={1: "b"})) == ()


@pytest.mark.parametrize("problem", ["nope", 1, ["regression"]])
def test_a_problem_that_transformers_does_not_have_leaves_its_tensors(problem: Any) -> None:
    assert meaning_of(nn.Identity(), "ViTForImageClassification", config(problem_type=problem)).task is None
