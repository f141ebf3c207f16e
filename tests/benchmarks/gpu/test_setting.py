"""A part's workload: the batch is of one device, and small sizes are small whatever was asked."""

from pathlib import Path

from tests.benchmarks.gpu.given import setting

H200 = "NVIDIA H200"


def test_a_batch_is_of_one_device(tmp_path: Path) -> None:
    work = setting(tmp_path, H200, H200).workload("resnet18", batch=512, steps=100)
    assert (work.processes, work.batch_size, work.steps, work.warmup) == (2, 1024, 100, 20)
    assert (work.precision, work.channels_last) == ("bf16", True)
    assert work.samples == 51_200
    many = setting(tmp_path, *[H200] * 8).workload("resnet50", batch=1024, steps=100)
    assert many.samples == many.batch_size  # at least one batch


def test_small_sizes_take_no_more_than_a_few_images(tmp_path: Path) -> None:
    work = setting(tmp_path).workload("resnet18", batch=512, steps=100, precision="fp32", channels_last=False)
    assert (work.model, work.batch_size, work.steps, work.warmup, work.samples) == ("tiny", 4, 4, 2, 8)
    assert (work.precision, work.channels_last, work.log_every) == ("fp32", False, 2)
