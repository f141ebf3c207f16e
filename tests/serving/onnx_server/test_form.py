"""What an exchange reads and answers, as each protocol has it."""

from typing import Any

import pytest

from tests.serving.onnx_server.exchanges import Asking
from torchferry.serving.onnx_server.form import Form
from torchferry.serving.onnx_server.grpc import forms as grpc_forms
from torchferry.serving.onnx_server.http import forms as http_forms

FORMS = [grpc_forms.InferForm, grpc_forms.PredictionsForm, http_forms.TensorsForm, http_forms.PredictionsForm, Asking]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.__module__}.{form.__name__}")
def test_each_has_all_that_an_exchange_asks_of_it(form: Any) -> None:
    wanted = {name for name in vars(Form) if not name.startswith("_")}
    assert wanted == {"size", "is_large", "read", "write"}
    assert wanted <= set(dir(form)) | set(form.__annotations__)
