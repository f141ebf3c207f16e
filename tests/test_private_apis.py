"""Lists what we use of libraries though they do not promise to keep it, and says in one line what a release moved."""

import dis
import inspect
import pkgutil
import re
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.commands import ROOT
from tests.some import some

LAUNCHER = "training/distributed/launcher.py"
RENDEZVOUS = "training/distributed/rendezvous.py"
UNUSED = "training/trainer/unused_parameters.py"
STATE = "training/trainer/train_state.py"
CHECKPOINT = "training/checkpointing/checkpoint.py"
READER = "training/checkpointing/checkpoint_reader.py"
WRITER = "training/checkpointing/upload_writer.py"
SAVER = "training/checkpointing/async_saver.py"
COMMAND = "training/train_command.py"
NETWORK = "serving/export/external/network.py"
RECURRENT = "serving/export/recurrent"
OPENSSF = "serving/bundle/openssf.py"
SIGNATURE = "training/discovery/signature.py"

ELASTIC = "torch.distributed.elastic"
# Not launcher.api's, in whose place our launcher puts its own.
AGENT = f"{ELASTIC}.agent.server.local_elastic_agent.LocalElasticAgent"
DCP = "torch.distributed.checkpoint"
POWER_SGD = "torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook.PowerSGDState"


@dataclass(frozen=True)
class Use:
    where: str
    name: str
    how: str
    parameters: str | None = None
    """All of a function, because we override it or pass them."""
    attributes: str = ""
    """Of a class or its instances."""
    mentions: str = ""
    """What the function itself has to use, so that what we put there has an effect."""
    value: object = None


USES = [
    Use(LAUNCHER, "torch.distributed.run.main", "calls it", "args"),
    Use(LAUNCHER, "torch.distributed.launcher.api.LocalElasticAgent", "replaces it"),
    Use(LAUNCHER, "torch.distributed.launcher.api.launch_agent", "has its own agent", mentions="LocalElasticAgent"),
    Use(LAUNCHER, f"{AGENT}._monitor_workers", "overrides it", "self, worker_group"),
    Use(LAUNCHER, f"{AGENT}._invoke_run", "decides on restarts", mentions="_monitor_workers _remaining_restarts"),
    Use(LAUNCHER, AGENT, "sets it", attributes="_remaining_restarts"),
    Use(LAUNCHER, f"{ELASTIC}.agent.server.RunResult", "reads it", attributes="failures"),
    Use(LAUNCHER, f"{ELASTIC}.agent.server.WorkerGroup", "reads it", attributes="spec"),
    Use(LAUNCHER, f"{ELASTIC}.agent.server.WorkerSpec", "reads it", attributes="max_restarts"),
    Use(LAUNCHER, f"{ELASTIC}.multiprocessing.errors.ProcessFailure", "reads it", attributes="exitcode"),
    Use(LAUNCHER, f"{ELASTIC}.multiprocessing.errors.ChildFailedError", "reads it", attributes="failures"),
    Use(LAUNCHER, f"{ELASTIC}.multiprocessing.SignalException", "reads it", attributes="sigval"),
    Use(RENDEZVOUS, f"{AGENT}._start_workers", "reads what it sets", mentions="TORCHELASTIC_USE_AGENT_STORE"),
    Use(UNUSED, "torch._C._distributed_c10d.Reducer", "asks it", attributes="_check_reducer_finalized"),
    Use(UNUSED, "torch.nn.parallel.DistributedDataParallel", "reads it", attributes="reducer"),
    Use(STATE, f"{DCP}._nested_dict.flatten_state_dict", "calls it", "state_dict"),
    Use(STATE, POWER_SGD, "restores it", attributes="__setstate__ process_group"),
    Use(STATE, f"{DCP}.CheckpointException", "reads it", attributes="failures"),
    Use(CHECKPOINT, f"{DCP}.metadata.Metadata", "reads them", attributes="state_dict_metadata"),
    Use(CHECKPOINT, f"{DCP}.metadata.TensorStorageMetadata", "reads it", attributes="size"),
    Use(READER, f"{DCP}.metadata.Metadata", "reads them", attributes="storage_data storage_meta"),
    Use(READER, f"{DCP}.filesystem._StorageInfo", "reads it", attributes="relative_path offset length"),
    Use(READER, f"{DCP}.FileSystemReader.read_metadata", "overrides it", "self, args, kwargs"),
    Use(READER, f"{DCP}.FileSystemReader.read_data", "overrides it", "self, plan, planner"),
    Use(READER, f"{DCP}.FileSystemReader", "reads what it sets", attributes="set_up_storage_reader"),
    Use(
        READER,
        f"{DCP}.DefaultLoadPlanner.load_bytes",
        "does as much",
        mentions="set_element mappings original_state_dict",
    ),
    Use(READER, f"{DCP}.metadata._MEM_FORMAT_ENCODING", "lets it be read"),
    Use(READER, "torch.serialization._get_layout", "lets it be read"),
    Use(READER, f"{DCP}._nested_dict.flatten_state_dict", "calls it", "state_dict"),
    Use(READER, f"{DCP}._traverse.set_element", "calls it", "root_dict, path, value"),
    Use(WRITER, f"{DCP}.FileSystemWriter.write_data", "overrides it", "self, plan, planner"),
    Use(WRITER, f"{DCP}.FileSystemWriter.finish", "overrides it", "self, metadata, results"),
    Use(WRITER, f"{DCP}.storage.WriteResult", "extends and copies it", "index, size_in_bytes, storage_data"),
    Use(WRITER, f"{DCP}.filesystem._metadata_fn", "uploads that file", value=".metadata"),
    Use(SAVER, f"{DCP}.CheckpointException", "reads it", attributes="failures"),
    Use("training/config/cli.py", "jsonargparse.ArgumentParser", "reads it", attributes="_option_string_actions"),
    Use("serving/cli/settings_file.py", "argparse.ArgumentParser", "reads it", attributes="_actions"),
    Use("serving/cli/settings_file.py", "argparse._AppendAction", "asks for it"),
    Use(
        SIGNATURE,
        "jsonargparse._parameter_resolvers.get_signature_parameters",
        "calls it",
        "function_or_class, method_or_property, logger",
    ),
    Use(NETWORK, "torch._dynamo.OptimizedModule", "takes out what is inside", attributes="_orig_mod"),
    Use(
        f"{RECURRENT}/torchs_functions.py",
        "torch._subclasses.fake_tensor.FakeTensor",
        "replaces it",
        attributes="tolist",
    ),
    Use(f"{RECURRENT}/torchs_functions.py", "torch.nn.RNNBase.check_forward_args", "replaces it"),
    Use(
        f"{RECURRENT}/torchs_functions.py",
        "torch.nn.utils.rnn.pack_padded_sequence",
        "replaces it",
        "input, lengths, batch_first, enforce_sorted",
    ),
    Use(
        f"{RECURRENT}/torchs_functions.py",
        "torch.nn.utils.rnn.pad_packed_sequence",
        "replaces it",
        "sequence, batch_first, padding_value, total_length",
    ),
    Use(
        f"{RECURRENT}/aten_nodes.py",
        "torch.export.ExportedProgram",
        "copies it",
        attributes="_graph_module _range_constraints",
    ),
    Use(
        f"{RECURRENT}/aten_nodes.py",
        "torch.utils._sympy.value_ranges.ValueRanges",
        "makes it",
        attributes="lower upper",
    ),
    Use(f"{RECURRENT}/aten_nodes.py", "torch.utils._sympy.numbers.int_oo", "is the upper end of one"),
    Use(OPENSSF, "model_signing._hashing.hashing.Digest", "makes it", "algorithm, digest_value"),
    Use(OPENSSF, "model_signing.manifest.FileManifestItem", "makes it", "path, digest"),
    Use(OPENSSF, "model_signing.hashing.Config.hash", "overrides it", "self, model_path, files_to_hash"),
    Use(OPENSSF, "model_signing.verifying.Config.verify", "is asked by it", mentions="_hashing_config hash _verifier"),
    Use(COMMAND, "threading._shutdown", "calls it", ""),
    Use(COMMAND, "atexit._run_exitfuncs", "calls it"),
]


def attributes_of(kind: type) -> set[str]:
    """Those of the class, those that it declares, and those that its methods set on an instance."""
    names = set(dir(kind))
    for base in kind.__mro__:
        names.update(inspect.get_annotations(base))
        for function in filter(inspect.isfunction, map(inspect.unwrap, vars(base).values())):
            names.update(step.argval for step in dis.get_instructions(function) if step.opname == "STORE_ATTR")
    return names


def moved(use: Use) -> str | None:
    """What is not as we need it, if anything."""
    try:
        found: Any = pkgutil.resolve_name(use.name)
    except (ImportError, AttributeError):
        return "has moved"
    if use.value is not None and found != use.value:
        return f"is {found!r} now, not {use.value!r}"
    if use.parameters is not None and (now := ", ".join(inspect.signature(found).parameters)) != use.parameters:
        return f"takes ({now}) now, not ({use.parameters})"
    if use.attributes and (lost := set(use.attributes.split()) - attributes_of(found)):
        return f"has no {', '.join(sorted(lost))} any more"
    source = inspect.getsource(found) if use.mentions else ""
    unused = [name for name in use.mentions.split() if not re.search(rf"\b{name}\b", source)]
    return f"does not use {', '.join(unused)} any more" if unused else None


@pytest.mark.parametrize("use", USES, ids=lambda use: use.name)
def test_it_is_where_we_use_it(use: Use) -> None:
    assert (ROOT / use.where).is_file()
    if what := moved(use):
        pytest.fail(f"{use.name} {what}: {use.where} {use.how}", pytrace=False)


@pytest.mark.parametrize("library", ["torch", "torchvision"])
def test_no_release_is_installed_that_nobody_has_tried(library: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    ours = some(each for extra in extras.values() for each in map(Requirement, extra) if each.name == library)
    for requirement in ours:
        assert any(bound.operator == "<" for bound in requirement.specifier), f"{requirement} has no upper bound"
