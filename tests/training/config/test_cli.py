import contextlib
from pathlib import Path

import pytest
import yaml

from tests.commands import RECIPES, run_command, torchrun
from tests.some import some
from torchferry.errors import UserError
from torchferry.training.config.cli import parse, to_yaml
from torchferry.training.train_command import train

DIGITS = ("--config", str(RECIPES / "digits.yaml"))


def test_top_level_keys_override_any_recipe() -> None:
    for recipe in some(RECIPES.glob("*.yaml")):
        parsed = parse(["--config", str(recipe), "--name", "kill-test", "--runs_dir", "/d", "--seed", "7"])
        assert (parsed.name, parsed.runs_dir, parsed.seed) == ("kill-test", Path("/d"), 7)


def test_nested_keys_and_component_arguments_can_be_overridden() -> None:
    parsed = parse([*DIGITS, "--model.args.width", "8", "--data.batch_size", "32", "--metrics.port", "null"])
    assert parsed.model.args == {"width": 8}
    assert parsed.data.batch_size == 32
    assert parsed.metrics.port is None


NESTED = """
name: nested
data:
  source:
    name: dataset
    args: {labels: 3, train: {name: x.Y, args: {n: 64, seed: 1}}, test: {name: x.Y, args: {n: 8}}}
model: {name: mlp, args: {widths: [4, 2]}}
optimizer: {name: SGD, args: {lr: 0.1}}
"""


def test_options_reach_into_nested_arguments(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(NESTED)
    config = ("--config", str(tmp_path / "recipe.yaml"))
    parsed = parse([*config, "--data.source.args.train.args.n", "512", "--model.args.widths", "[4, 8, 2]"])
    assert parsed.data.source.args == {
        "labels": 3,
        "train": {"name": "x.Y", "args": {"n": 512, "seed": 1}},
        "test": {"name": "x.Y", "args": {"n": 8}},
    }
    assert parsed.model.args == {"widths": [4, 8, 2]}
    replaced = parse([*config, "--data.source", '{"name": "digits", "args": {"size": 28}}'])
    assert (replaced.data.source.name, replaced.data.source.args) == ("digits", {"size": 28})
    with pytest.raises(
        UserError,
        match=r"--data\.sorce\.args\.train\.args\.n: unknown key; did you mean data\.source\.args\.train\.args\.n\?",
    ):
        parse([*config, "--data.sorce.args.train.args.n", "3"])


def test_nested_options_are_in_the_printed_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(NESTED)
    with pytest.raises(SystemExit):
        parse(["--config", str(tmp_path / "recipe.yaml"), "--data.source.args.train.args.n", "512", "--print_config"])
    assert yaml.safe_load(capsys.readouterr().out)["data"]["source"]["args"]["train"]["args"] == {"n": 512, "seed": 1}


def test_environment_variables_set_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHFERRY_METRICS__HOST", "0.0.0.0")
    assert parse(DIGITS).metrics.host == "0.0.0.0"


def test_the_resolved_recipe_can_be_run_again(tmp_path: Path) -> None:
    first = parse([*DIGITS, "--model.args.width", "8"])
    (tmp_path / "config.yaml").write_text(to_yaml(first))
    assert parse(["--config", str(tmp_path / "config.yaml")]) == first


@pytest.mark.parametrize("text", ["1e1", "2019", "nan", "1_0", "yes", "null", "2020-01-01", "0x1f", "1.", ""])
def test_text_stays_text_in_the_resolved_recipe(text: str, tmp_path: Path) -> None:
    recipe = yaml.safe_load((RECIPES / "digits.yaml").read_text()) | {"model": {"name": "x", "args": {"names": [text]}}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe).replace("- 1e1", "- '1e1'"))
    first = parse(["--config", str(tmp_path / "recipe.yaml")])
    assert first.model.args == {"names": [text]}
    (tmp_path / "config.yaml").write_text(to_yaml(first))
    assert parse(["--config", str(tmp_path / "config.yaml")]) == first


def test_the_resolved_recipe_has_no_credentials() -> None:
    given = parse([*DIGITS, "--metrics.pushgateway", "http://who:secret@gate:9091/prefix"])
    assert given.metrics.pushgateway == "http://who:secret@gate:9091/prefix"
    assert "secret" not in to_yaml(given)
    assert yaml.safe_load(to_yaml(given))["metrics"]["pushgateway"] == "http://gate:9091/prefix"


@pytest.mark.parametrize(
    "url", ["http://who:secret@gate:9091/a", "who:secret@gate:9091/a", "http://who:secret@gate:0/a"]
)
def test_what_is_printed_has_no_credentials(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([*DIGITS, "--metrics.pushgateway", url, "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)["metrics"]["pushgateway"]
    assert "secret" not in printed
    assert "gate:" in printed


def test_the_resolved_recipe_can_be_printed(tmp_path: Path) -> None:
    done = run_command("-m", "torchferry.training", *DIGITS, "--model.args.width", 8, "--print_config")
    assert done.returncode == 0, done.stderr
    (tmp_path / "printed.yaml").write_text(done.stdout)
    assert parse(["--config", str(tmp_path / "printed.yaml")]) == parse([*DIGITS, "--model.args.width", "8"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--epohcs", "3"), "did you mean epochs?"),
        (("--data.batch_sise", "3"), "did you mean data.batch_size?"),
        (("--data.batch_size", "many"), "data.batch_size"),
        (("--data.batch_size", "0"), "data.batch_size: 0 is too small"),
        (("--epochs", "0"), "epochs: 0 is too small"),
        (("--name", "../elsewhere"), "name: '../elsewhere' cannot name a run folder"),
        (("--name", "1e3"), "name: '1e3' cannot name a run folder"),
        (("--name", "a" * 300), "cannot name a run folder"),
        (("--seed", str(2**64)), "seed: 18446744073709551616 is too large"),
        (("--metrics.port", "70000"), "metrics.port: 70000 is not a port"),
        (("--metrics.linger_seconds", "-1"), "metrics.linger_seconds: -1.0 is not between 0 and 86,400"),
        (("--metrics.pushgateway", "gateway:9091"), "metrics.pushgateway: 'gateway:9091' is no address"),
        (("--checkpoint.keep_finished", "none"), "checkpoint.keep_finished"),
        (("--config", "missing.yaml"), "missing.yaml"),
        (("--data.mixup", "nan"), "data.mixup"),
        (("--step.clip_norm", "0"), "step.clip_norm: 0.0 is not above 0"),
        (("--step.ema_decay", "1"), "step.ema_decay: 1.0 is not between 0 and 1"),
        (("--checkpoint.every_steps", "0"), "checkpoint.every_steps: 0 is too small"),
        (("--early_stopping.patience", "0"), "early_stopping.patience: 0 is too small"),
    ],
)
def test_bad_arguments_are_named_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        parse([*DIGITS, *arguments])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": 3}, "learning_rate"),
        ({"epochs": "often"}, "epochs"),
        ({"data": {"source": {"name": "digits"}, "shuffle": True}}, "shuffle"),
        ({"model": {}}, "model"),
        ({"runs_dir": None}, "runs_dir: cannot be null"),
        ({"epochs": None}, "epochs: cannot be null; leave it out"),
        ({"step": {"precision": None}}, "step.precision: cannot be null"),
        ({"schedule": None}, "schedule: cannot be null"),
        (
            {"data": {"source": {"name": "digits"}, "augment": [{"name": "rotation", "args": None}]}},
            "data.augment.args: cannot be null",
        ),
        ({"runs_dir": "a\0b"}, "runs_dir"),
    ],
)
def test_bad_recipe_files_are_named_in_one_line(change: dict[str, object], words: str, tmp_path: Path) -> None:
    recipe = yaml.safe_load((RECIPES / "digits.yaml").read_text()) | change
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(UserError) as refused:
        parse(["--config", str(tmp_path / "bad.yaml")])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", [b"name: {", b"- a list", b"", b"name: digits", b"\xff\xfe", b"name: &a [*a]"])
def test_a_file_that_is_no_recipe_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(text)
    with pytest.raises(UserError) as refused:
        parse(["--config", str(tmp_path / "bad.yaml")])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": {"precision": "fp61"}}, "step.precision: 'fp61' is not fp32 or bf16 or fp16; did you mean fp16?"),
        ({"epochs": 3.5}, "epochs: 3.5 is not a whole number"),
        ({"epochs": 0}, "epochs: 0 is too small; give 1 or more"),
        ({"weights": {"source": "a", "skip": "fc."}}, "weights.skip: 'fc.' is not a list of which each is text"),
        ({"checkpoint": {"keep": "x"}}, "checkpoint.keep: 'x' is not a whole number"),
        ({"model": {"name": "mlp", "args": [1]}}, "model.args: [1] is not a mapping"),
    ],
)
def test_a_wrong_value_has_file_line_and_what_would_be_right(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    recipe = yaml.safe_load((RECIPES / "digits.yaml").read_text())
    for key in change:
        recipe.pop(key, None)
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False) + yaml.safe_dump(change))
    with pytest.raises(UserError) as refused:
        parse(["--config", str(path)])
    place, _, message = str(refused.value).partition(": ")
    assert message.startswith(said)
    lines = path.read_text().splitlines()
    assert place.startswith(f"{path}:")
    assert f"{said.partition(':')[0].rpartition('.')[2]}:" in lines[int(place.rpartition(":")[2]) - 1]


def test_what_a_file_lacks_is_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: digits\n")
    with pytest.raises(UserError, match=r"config.yaml: data.source.name, model.name, optimizer.name: missing$"):
        parse(["--config", str(tmp_path / "config.yaml")])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("test_fraction", "test_fracton", "7: data.source.args.test_fracton: unknown argument of digits; did you mean"),
        ("digits_cnn", "digits_cn", "10: model.name: there is no 'digits_cn'; did you mean digits_cnn?"),
        ("AdamW", "adamw", "15: optimizer.name: there is no 'adamw'; did you mean AdamW?"),
    ],
)
def test_what_shows_when_the_run_is_built_has_its_line_too(
    old: str, new: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = (RECIPES / "digits.yaml").read_text().partition("\n")[2]
    (tmp_path / "bad.yaml").write_text(text.replace(old, new))
    assert train(["--config", str(tmp_path / "bad.yaml"), "--runs_dir", str(tmp_path / "runs")]) == 2
    assert capfd.readouterr().err.startswith(f"torchferry: {tmp_path / 'bad.yaml'}:{said}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--epochs", "x"), "epochs"),
        (("--model.name", "no_such_net"), "model.name: 'no_such_net' is not one of branches, cifar2_cnn"),
        (("--model.name", "nowhere.Net"), "cannot import 'nowhere.Net'"),
        (("--model.name", "builtins.dict"), "model"),
        (("--model.name", "..Net"), "model.name"),
        (("--model.name", "tests.training.nets.Pair"), "gives tuple per sample"),
        (("--model.args.colour", "red"), "colour"),
        (("--model.args.classes", "7"), "7"),
        (
            ("--model.name", "torch.nn.Linear", "--model.args", '{"in_features": 3, "out_features": 10}'),
            "samples of shape [1, 8, 8]",
        ),
        (("--optimizer.args.lr", "-1"), "optimizer"),
        (("--loss.name", "torch.nn.MSELoss", "--loss.args", "{}"), "loss: "),
        (("--loss.args", '{"reduction": "none"}'), "loss: gives a tensor of shape [2]"),
        (("--data.batch_size", "5000"), "data.batch_size"),
        (("--data.source.args.test_fraction", "2"), "test_fraction"),
        (("--schedule.name", "zigzag"), "schedule.name: 'zigzag' is not one of ChainedScheduler, ConstantLR"),
        (("--task", "regression"), "task: regression takes float targets"),
        (("--task", "binary"), "task: binary takes 2 classes, data.source has 10"),
        (("--step.accumulate", "3"), "data.batch_size: 64 cannot be shared by 1 ranks x 3 accumulated batches"),
        (("--distributed.sync_batchnorm", "true"), "distributed.sync_batchnorm"),
        (("--weights.source", "missing.pth"), "weights.source: cannot read missing.pth"),
        (("--weights.source", "Nothing_Weights.DEFAULT"), "weights.source: 'Nothing_Weights.DEFAULT' is neither"),
        (("--data.augment", '[{"name": "twirl"}]'), "data.augment[0].name: 'twirl'"),
        (("--optimizer.name", "LBFGS"), "optimizer.name: LBFGS"),
        (("--data.mixup", "0.2", "--loss.name", "nll", "--loss.args", "{}"), "loss: does not take"),
        (("--loss.args.reduction", "sum"), "loss: grows with the batch"),
        (("--loss.name", "tests.training.nets.Learned", "--loss.args", "{}"), "loss: temperature would not be trained"),
        (("--model.name", "tests.training.nets.Idle"), "unused.weight, unused.bias takes no part"),
        (("--model.name", "tests.training.nets.OnlyInTraining"), "extra.bias takes no part in evaluation, so"),
        (("--model.name", "tests.training.nets.Normed"), "model: cannot be copied: RuntimeError: Only Tensors created"),
        (("--optimizer.name", "SparseAdam", "--optimizer.args", "{}"), "optimizer: cannot take a step"),
        (
            ("--optimizer.groups", '[{"match": "13.*"}]'),
            "optimizer.groups[0].match: no parameter matches '13.*'",
        ),
        (("--optimizer.groups", '[{"match": "12.*", "rate": 1}]'), "optimizer.groups[0]: AdamW has no argument 'rate'"),
        (("--freeze", '["conv1.*"]'), "freeze: no parameter matches 'conv1.*'; the network has 0.weight, 0.bias, 2."),
        (("--freeze", '["*"]'), "freeze: * leave no parameter to train"),
    ],
)
def test_a_run_that_does_not_fit_together_is_refused_with_2_and_leaves_nothing(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = train([*DIGITS, "--runs_dir", str(tmp_path), "--metrics.port", "0", *arguments])
    errors = capfd.readouterr().err
    assert code == 2, errors
    assert words in errors
    assert len(errors.splitlines()) == 1, errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--epochs", "x"), "epochs"),
        (("--model.name", "tests.training.nets.Idle"), "unused.weight, unused.bias takes no part"),
        (("--model.name", "tests.training.nets.Short"), "model: cannot be trained by DDP: "),
    ],
)
def test_the_command_refuses_with_2_and_leaves_nothing(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    done = run_command("-m", "torchferry.training", *DIGITS, "--runs_dir", tmp_path, "--metrics.port", 0, *arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.torchrun
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data.batch_size", 31), "data.batch_size: 31 cannot be shared by 2 ranks"),
        (("--model.name", "tests.training.nets.Idle"), "model: unused.weight, unused.bias takes no part"),
        (("--metrics.host", "192.0.2.1"), "metrics.host: cannot listen on"),
        (("--optimizer.args.lr", 1e30, "--schedule.warmup_steps", 0), "the training loss is nan"),
    ],
)
def test_two_ranks_refuse_with_one_line_and_no_traceback_of_ours(
    arguments: tuple[object, ...], words: str, tmp_path: Path
) -> None:
    done = torchrun(2, *DIGITS, "--runs_dir", tmp_path, "--metrics.port", 0, *arguments)
    assert done.returncode != 0
    assert done.stderr.count(f"torchferry: {words}") == 1, done.stderr
    # torchrun itself ends with a traceback of its own.
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert "/training/" not in done.stderr.split("Traceback")[0]


@pytest.mark.parametrize(
    "text",
    [
        "data: {source: {name: digits, args: {a: {class_path: PLANTED.Planted, init_args: {}}}}}",
        'data: {source: {name: digits, args: {a: "{class_path: PLANTED.Planted}"}}}',
        'data: "{source: {name: digits, args: {a: {class_path: PLANTED.Planted}}}}"',
        "data: {source: {class_path: PLANTED.Planted}}",
        "loss: {class_path: PLANTED.Planted}",
        "data: {source: {name: digits}, augment: [{class_path: PLANTED.Planted}]}",
    ],
)
def test_reading_a_recipe_imports_and_calls_nothing(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted, trace = f"planted_{tmp_path.name}", tmp_path / "trace"
    (tmp_path / f"{planted}.py").write_text(f"import os\nos.mkdir({str(trace)!r})\nclass Planted: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    recipe = "name: x\nmodel: {name: mlp}\noptimizer: {name: SGD}\n" + text.replace("PLANTED", planted)
    (tmp_path / "recipe.yaml").write_text(recipe)
    with contextlib.suppress(UserError):
        parse(["--config", str(tmp_path / "recipe.yaml")])
    assert not trace.exists()
    __import__(planted)
    assert trace.exists()
