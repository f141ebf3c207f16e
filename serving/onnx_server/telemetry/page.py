"""The text of the page that Prometheus reads. prometheus_client writes a line once; after that only its value is new.

Whatever stands around the values is thus prometheus_client's own, and it makes a page of 200 models in half a second.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from torchferry.serving.onnx_server.telemetry.families import Family, Rows

END = b"# EOF\n"
"""Of a page in OpenMetrics's format, which alone has exemplars."""
number = lru_cache(8192)(floatToGoString)


class Form:
    """A page in the format of one of prometheus_client's encoders."""

    def __init__(self, encode: Callable[[Collector], bytes]) -> None:
        self.encode = encode
        self.is_open = encode(_Alone()).endswith(END)
        self.kept: WeakKeyDictionary[Rows, _Kept] = WeakKeyDictionary()

    def write(self, collectors: Iterable[Collector]) -> Iterator[bytes]:
        """Piece by piece. What changes meanwhile may be in later pieces; samples of the same rows belong together."""
        for collector in tuple(collectors):
            if not isinstance(collector, Family):
                yield self._encoded(*collector.collect())
                continue
            yield self._encoded(collector.empty())
            for rows in tuple(collector.rows.values()):
                yield self._text(rows, collector)
        yield END if self.is_open else b""

    def _encoded(self, *families: Metric) -> bytes:
        return self.encode(_Alone(*families)).removesuffix(END)

    def _text(self, rows: Rows, family: Family) -> bytes:
        kept = self.kept.get(rows)
        if kept is None:
            kept = self.kept[rows] = _Kept(self._around(rows, family))
        return kept.text(rows.values(), rows.exemplars if self.is_open else {})

    def _around(self, rows: Rows, family: Family) -> str:
        """The lines with %s in the place of each value."""
        rows.add_to(found := family.empty())
        found.samples = [sample._replace(exemplar=None) for sample in found.samples]
        lines = self._encoded(found).decode().split("\n")[:-1]  # labels may have what splitlines() takes for an end
        around = [line.rpartition(" ")[0].replace("%", "%%") for line in lines if not line.startswith("#")]
        return "".join(f"{each} %s\n" for each in around)


class _Kept:
    """Text of rows, which stays as it is while their values do."""

    __slots__ = ("around", "values", "written")

    def __init__(self, around: str) -> None:
        self.around = around
        self.values: Sequence[float] | None = None
        self.written = b""

    def text(self, values: Sequence[float], exemplars: Mapping[int, Exemplar]) -> bytes:
        if values != self.values:
            said = list(map(number, values))
            for place, exemplar in exemplars.items():
                said[place] += _said(exemplar)
            self.values, self.written = values, (self.around % tuple(said)).encode()
        return self.written


class _Alone(Collector):
    def __init__(self, *families: Metric) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


def _said(exemplar: Exemplar) -> str:
    """Its labels need no escapes: they are trace ids."""
    labels = ",".join(f'{name}="{value}"' for name, value in exemplar.labels.items())
    return f" # {{{labels}}} {floatToGoString(exemplar.value)} {exemplar.timestamp}"
