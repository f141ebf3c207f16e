"""The verbs of the command: what each is for, an example, and the module that is imported when it is chosen."""

from typing import NamedTuple


class Verb(NamedTuple):
    """One step, as a user asks for it."""

    entry: str
    """The module whose function `main` takes the arguments; `module:function` where it has another name."""
    purpose: str
    example: str
    """What follows the command's name."""
    your_code: bool = False
    """It imports modules that the user names, so it looks for them in the working directory, as `python -m` does."""


T, S, B = "torchferry.training", "torchferry.serving", "torchferry.benchmarks"

VERBS = {
    "new": Verb(
        f"{T}.discovery.new_command",
        "a commented recipe for your data: image-folder, table, webdataset, finetune, dataset",
        "new image-folder data/pets",
        your_code=True,
    ),
    "describe": Verb(
        f"{T}.discovery.describe_command",
        "what a source, network, loss or key of a recipe takes; without a name, all there are",
        "describe image_folder",
        your_code=True,
    ),
    "train": Verb(
        f"{T}.train_command",
        "a recipe to a run folder; --nproc-per-node N with N processes",
        "train --config training/recipes/digits.yaml --nproc-per-node 2",
        your_code=True,
    ),
    "evaluate": Verb(
        f"{S}.export.evaluate_command",
        "a run's, or a bundle's, metrics on its own test data or on others",
        "evaluate runs/pets --data other/pets",
        your_code=True,
    ),
    "samples": Verb(
        f"{T}.outputs.sample_images",
        "held-out samples of a run as image files",
        "samples runs/digits --count 100",
        your_code=True,
    ),
    "render": Verb(
        f"{T}.render.render_command",
        "an overlay for Kubernetes that runs a recipe",
        "render --recipe digits --nodes 2 -o overlay",
    ),
    "fetch": Verb(
        f"{T}.checkpointing.download_run",
        "a finished run from a store",
        "fetch s3://bucket/runs/digits -o runs/digits",
    ),
    "export": Verb(
        f"{S}.export.export_command",
        "a run, or any model, to a bundle of measured variants",
        "export runs/digits --variants torch,onnx-fp32",
        your_code=True,
    ),
    "archive": Verb(
        f"{S}.torchserve.archive",
        "a bundle to a TorchServe archive for each accepted variant",
        "archive runs/digits/bundle --batch-size 8",
    ),
    "publish": Verb(
        f"{S}.registry.publish",
        "a bundle to a URL, as a version that never changes",
        "publish runs/digits/bundle s3://models --channel canary",
    ),
    "pull": Verb(
        f"{S}.registry.pull",
        "a published bundle to a folder, checked",
        "pull s3://models/digits@stable bundle",
    ),
    "promote": Verb(
        f"{S}.registry.channels:promote",
        "make a channel, such as stable, mean a version",
        "promote s3://models/digits@canary stable",
    ),
    "rollback": Verb(
        f"{S}.registry.channels:rollback",
        "make a channel mean what it meant before",
        "rollback s3://models/digits stable",
    ),
    "history": Verb(
        f"{S}.registry.history",
        "a model's versions, how each was made, and every move of its channels",
        "history s3://models/digits",
    ),
    "up": Verb(
        f"{S}.up",
        "start a server and wait until it answers",
        "up --runtime onnx runs/digits/bundle",
    ),
    "models": Verb(
        f"{S}.torchserve.models_command",
        "what a running TorchServe serves: list, register, rollout, default, scale, remove",
        "models register runs/digits/model-store/digits-onnx-fp32.mar",
    ),
    "predict": Verb(
        f"{S}.predict.predict_command",
        "what a server, or a bundle without one, says of pictures, tables, JSON lines",
        "predict --model digits runs/digits/samples/3/00002.png",
    ),
    "report": Verb(
        f"{B}.report.report_command",
        "one page of runs, bundles and results, to read and to print",
        "report runs/digits sweep.json -o report.html",
    ),
    "demo": Verb(f"{B}.demo", "the whole path once: train, export, archive, serve, predict, measure", "demo"),
    "completion": Verb(
        "torchferry.completion",
        "completion of verbs and options, for bash or zsh",
        'completion bash   # in ~/.bashrc:  eval "$(torchferry completion bash)"',
    ),
}

BENCH = {
    "latency": Verb(
        f"{B}.latency",
        "p50 to p99.9 of one model of a running server, at a set rate",
        "bench latency http://127.0.0.1:8080 --model digits --input random",
    ),
    "sweep": Verb(
        f"{B}.sweep",
        "its latency against the offered rate, up to saturation",
        "bench sweep http://127.0.0.1:8080 --model digits --input random",
    ),
    "slo": Verb(
        f"{B}.slo",
        "the highest rate that keeps a limit of p99",
        "bench slo http://127.0.0.1:8080 --model digits --input random --p99-ms 50",
    ),
    "soak": Verb(
        f"{B}.soak",
        "what drifts in a long run: latency, memory",
        "bench soak http://127.0.0.1:8080 --model digits --input random --rate 100 --minutes 60",
    ),
    "hostile": Verb(
        f"{B}.hostile.hostile_command",
        "what honest clients notice of an attack: floods, slow peers, bombs, malformed requests",
        "bench hostile runs/digits/bundle --rounds 3",
    ),
    "tune": Verb(
        f"{B}.tune.tune_command",
        "the server settings with the highest rate within a limit of p99",
        "bench tune runs/digits/bundle --p99-ms 50",
    ),
    "servers": Verb(
        f"{B}.servers.servers_command",
        "our servers beside others, the same model behind each",
        "bench servers runs/digits/bundle --servers ours,torchserve,bare",
    ),
    "compare": Verb(
        f"{B}.compare",
        "two results, or two commits in turn: faster, slower or no difference",
        "bench compare old.json new.json --tolerance 0.05",
    ),
    "training": Verb(
        f"{B}.training.throughput",
        "our trainer's throughput beside a bare loop's, Lightning Fabric's, accelerate's",
        "bench training --models digits --trainers ours,bare",
    ),
    "scaling": Verb(
        f"{B}.training.scaling",
        "our trainer and a bare loop at 1 to N processes",
        "bench scaling --processes 1,2",
    ),
    "checkpoint": Verb(
        f"{B}.training.checkpoint",
        "what a save costs, and a worker's death",
        "bench checkpoint --output checkpoint.json",
    ),
    "gpu": Verb(
        f"{B}.gpu.gpu_command",
        "what the trainer does on this machine's GPUs, in ten minutes at the most",
        "bench gpu --output gpu.json",
    ),
}
