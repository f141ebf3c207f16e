"""Networks that nobody trained here: exported, served, and equal at other batch sizes and beside other requests.

`pytest -m sweep tests/serving/zoo` takes torchvision's families, and timm's where timm is installed.
"""

import importlib.util
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc
import urllib3

from tests.commands import ROOT
from tests.server import Server
from tests.serving.zoo.members import LARGE, REFUSED, SMALL, TIMM, Member, timm
from torchferry.errors import GateError, UserError
from torchferry.serving.codec.tensors import DTYPES, write_tensors
from torchferry.serving.export.export_command import main, parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference

SAMPLES = 12
ALONE, TOGETHER = [1] * SAMPLES, [5, 1, 3, 2, 1]
"""How many samples each of the requests has that are sent at once."""
Arrays = dict[str, np.ndarray]
Ask = Callable[[str, Mapping[str, np.ndarray]], Arrays]


@dataclass(frozen=True)
class Exported:
    """A member, the bundle that was made of it, and what its network gives in eager mode, each sample alone."""

    member: Member
    bundle: Path
    inputs: Arrays
    expected: Arrays


def exported(member: Member, folder: Path) -> Exported:
    """The network that is asked afterwards is the one that was exported: both have the same random weights."""
    reference: list[Reference] = []

    def kept(options: object) -> Reference:
        reference.append(load_given(options))  # type: ignore[arg-type]
        return reference[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torchferry.serving.export.export_command.load_given", kept)
        main([*member.options, "--variants", "onnx-fp32", "--output", str(folder / member.name)])
    inputs = reference[0].test.first(SAMPLES)
    alone = [reference[0].run({name: values[[n]] for name, values in inputs.items()}) for n in range(SAMPLES)]
    expected = {name: np.concatenate([each[name] for each in alone]) for name in alone[0]}
    return Exported(member, folder / member.name, inputs, expected)


def served(members: Sequence[Member], folder: Path) -> Iterator[tuple[dict[str, Exported], dict[str, str]]]:
    """Each by its name, and the addresses of a server that has them all."""
    found = {member.name: exported(member, folder) for member in members}
    server = Server(
        *(each.bundle for each in found.values()), folder=folder, runtime="onnx", options=("--max-batch", 8)
    )
    try:
        yield found, server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def small(
    starts_server: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Exported], dict[str, str]]]:
    yield from served(SMALL, tmp_path_factory.mktemp("zoo"))


def over_rest(address: str) -> Ask:
    pool = urllib3.PoolManager(maxsize=SAMPLES)

    def ask(model: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        body = json.dumps(write_tensors(inputs, key="inputs"))
        answer = pool.request("POST", f"{address}/v2/models/{model}/infer", body=body)
        assert answer.status == 200, answer.data
        return {
            each["name"]: np.array(each["data"], DTYPES[each["datatype"]]).reshape(each["shape"])
            for each in answer.json()["outputs"]
        }

    return ask


def over_grpc(address: str) -> Ask:
    client = tritonclient.grpc.InferenceServerClient(address.removeprefix("grpc://"))

    def ask(model: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        given = []
        for name, values in inputs.items():
            datatype = next(known for known, dtype in DTYPES.items() if dtype == values.dtype)
            given.append(tritonclient.grpc.InferInput(name, list(values.shape), datatype))
            given[-1].set_data_from_numpy(values)
        answer = client.infer(model, given)
        return {each.name: answer.as_numpy(each.name) for each in answer.get_response().outputs}

    return ask


def check(each: Exported, ask: Ask) -> None:
    """One at a time, all at once, and in requests of several sizes at once."""
    for sizes, workers in ((ALONE, 1), (ALONE, SAMPLES), (TOGETHER, len(TOGETHER))):
        bounds = np.cumsum([0, *sizes])
        parts = [slice(start, end) for start, end in itertools.pairwise(bounds)]
        with ThreadPoolExecutor(workers) as pool:
            answers = list(pool.map(lambda part: ask(each.member.name, _part(each.inputs, part)), parts))
        for name, expected in each.expected.items():
            answered = np.concatenate([answer[name] for answer in answers])
            scale = max(1.0, float(np.abs(expected).max()))
            assert np.abs(answered - expected).max() <= 1e-4 * scale, name


def _part(inputs: Mapping[str, np.ndarray], part: slice) -> Arrays:
    return {name: values[part] for name, values in inputs.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [member.name for member in SMALL])
def test_it_answers_alike_alone_and_in_company(name: str, small: tuple[dict[str, Exported], dict[str, str]]) -> None:
    found, address = small
    check(found[name], over_rest(address["rest"]))
    check(found[name], over_grpc(address["grpc"]))


@pytest.mark.slow
@pytest.mark.parametrize("member", REFUSED, ids=lambda member: member.name)
def test_what_must_not_be_served_is_refused_with_its_reason(member: Member, tmp_path: Path) -> None:
    assert member.refused in refusal(member, tmp_path)


@pytest.mark.sweep
@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("member", LARGE, ids=lambda member: member.name)
def test_torchvisions_families(member: Member, tmp_path: Path) -> None:
    if member.refused:
        assert member.refused in refusal(member, tmp_path)
        return
    for found, address in served([member], tmp_path):
        check(found[member.name], over_rest(address["rest"]))
        check(found[member.name], over_grpc(address["grpc"]))


@pytest.mark.sweep
@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_timms_families(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    if (member := timm(name)).refused:
        assert member.refused in refusal(member, tmp_path)
        return
    for found, address in served([member], tmp_path):
        check(found[f"timm-{name}"], over_grpc(address["grpc"]))


def refusal(member: Member, folder: Path) -> str:
    with pytest.raises((UserError, GateError)) as error:
        main([*member.options, "--variants", "onnx-fp32", "--output", str(folder / "bundle")])
    report = folder / "bundle" / "model.json"
    return str(error.value) + (report.read_text() if report.is_file() else "")


def test_the_readmes_table_has_every_member() -> None:
    text = (ROOT / "serving" / "README.md").read_text()
    for member in (*SMALL, *REFUSED):
        assert f"`{member.name}`" in text, member.name


def test_the_options_of_every_member_are_understood() -> None:
    for member in (*SMALL, *REFUSED, *LARGE, *map(timm, TIMM)):
        assert parser().parse_args(member.options).model == member.model
