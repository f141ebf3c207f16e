import pytest

from training.config import ScheduleConfig
from training.optim import learning_rate_factor


def test_warm_up_rises_to_one_and_cosine_falls_to_zero() -> None:
    schedule = ScheduleConfig(name="cosine", warmup_steps=4)
    factors = [learning_rate_factor(schedule, step, 20) for step in range(21)]
    assert factors[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert factors[12] == pytest.approx(0.5)
    assert factors[20] == pytest.approx(0)
    assert factors[4:] == sorted(factors[4:], reverse=True)


def test_constant_stays() -> None:
    assert {learning_rate_factor(ScheduleConfig(name="constant"), step, 9) for step in range(9)} == {1.0}
