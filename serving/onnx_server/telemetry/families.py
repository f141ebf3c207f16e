"""Families of metrics whose samples come in rows: what has the same labels is read together, and its text is kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar


class Rows(ABC):
    """Samples of one family, in the order of their lines on the page. Only their values change."""

    exemplars: Mapping[int, Exemplar] = {}
    """By the sample's place; those that there are."""

    @abstractmethod
    def values(self) -> Sequence[float]:
        """As they are now."""

    @abstractmethod
    def add_to(self, family: Any) -> None:
        """`family`: one of prometheus_client's, of the kind that this is of."""


class Family(Collector):
    """For one thread only."""

    def __init__(self, empty: Callable[[], Metric], registry: CollectorRegistry) -> None:
        """`empty` makes it without samples."""
        self.empty = empty
        self.rows: dict[tuple[str, ...], Rows] = {}
        """By their labels."""
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return [self.empty()]

    def collect(self) -> Iterable[Metric]:
        family = self.empty()
        for rows in self.rows.values():
            rows.add_to(family)
        yield family


class Registry(CollectorRegistry):
    """One that says what is registered, in the order of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        self.collectors.append(collector)


class Count(Rows):
    def __init__(self, labels: Sequence[str]) -> None:
        self.labels, self.value = labels, 0

    def add(self, count: int = 1) -> None:
        self.value += count

    def values(self) -> Sequence[float]:
        return (self.value,)

    def add_to(self, family: Any) -> None:
        family.add_metric(self.labels, self.value)


class Reading(Rows):
    """A gauge that is read when the page is."""

    def __init__(self, labels: Sequence[str], read: Callable[[], float]) -> None:
        self.labels, self.read = labels, read

    def values(self) -> Sequence[float]:
        return (self.read(),)

    def add_to(self, family: Any) -> None:
        family.add_metric(self.labels, self.read())
