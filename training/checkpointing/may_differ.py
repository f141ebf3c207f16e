"""A list of all that may differ from how a run began, each with its reason. The rest is refused by name."""

from collections.abc import Iterable

SAME_RUN = {
    "runs_dir": "where the folder lies changes no number",
    "resume": "it says how to start, not what to compute",
    "dry_run": "nothing is written by one",
    "epochs": "a run may go on for longer; schedules are functions of the share that is done",
    "max_steps": "as epochs",
    "evaluate_every_epochs": "an evaluation changes no weight",
    "early_stopping": "it decides when to end, not what a step does",
    "checkpoint": "a save changes no weight",
    "metrics": "a report changes no weight",
    "profile": "a trace changes no weight",
    "gate": "it is export's",
    "data.workers": "loader processes change no sample",
    "data.on_corrupt": "files that could not be read may have been mended meanwhile",
    "data.device_resident": "where samples lie changes none",
    "step.keep_freed_memory": "where memory lies changes no number",
    "distributed.timeout_seconds": "patience changes no number",
}
"""Keys of the recipe, and all below them, where a run goes on in its own folder."""

NEW_RUN = SAME_RUN | {
    "name": "it is another run",
    "seed": "samples come in another order, from the next epoch on",
    "deterministic": "a choice of algorithms",
    "data.batch_size": "taken from the next epoch on",
    "data.augment": "of what is trained on from here",
    "data.mixup": "as data.augment",
    "data.cutmix": "as data.augment",
    "data.source": "other samples for the same classes or columns; what they mean is compared apart",
    "data.buckets": "samples come in another order, from the next epoch on",
    "data.sampling": "how often classes are drawn, from the next epoch on",
    "weights": "the checkpoint's are taken",
    "freeze": "which of the weights are trained from here",
    "loss": "of what is trained from here",
    "optimizer": "its settings hold from here, its state is the checkpoint's",
    "schedule": "holds from here, at the step where the checkpoint stands",
    "step": "how steps are taken from here",
    "distributed": "how ranks work together",
}
"""Where --resume PATH starts a new run from a checkpoint of another."""

INSIDE_EPOCH = ("seed", "data.batch_size", "data.buckets", "data.sampling", "data.source")
"""Of these, what may not differ while an epoch is half done: the samples that are left would be others."""


def is_free(key: str, free: Iterable[str]) -> bool:
    return f"{key}.".startswith(tuple(f"{each}." for each in free))
