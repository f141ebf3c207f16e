"""Questions to a running server, over REST or gRPC."""

from collections.abc import Sequence
from typing import Any

from torchferry.errors import ServerFault
from torchferry.serving.client import Client, Denied, Refused, RestClient, TooMany, Unavailable
from torchferry.serving.errors import NotDecodable
from torchferry.serving.predict.answers import FILE, Result, Unanswered, each, refused
from torchferry.serving.predict.question import body
from torchferry.serving.predict.sample import Sample
from torchferry.serving.predict.sample_files import Kind

TOGETHER = 256
"""Rows or instances of one request; servers take 1024."""
OF_ALL = (Denied, TooMany, Unavailable)
"""What would be said of every other sample as well."""


class AskedServer:
    def __init__(self, client: Client, model: str, form: str = "") -> None:
        """`form`: answers are files of it, such as png, which come over REST."""
        self.client, self.model, self.form = client, model, form

    @property
    def about(self) -> dict[str, Any]:
        return {"model": self.model, "server": self.client.where}

    @property
    def kinds(self) -> list[Kind] | None:
        """Of the inputs that take files or texts; None where the server does not say it."""
        said = self.client.decodes(self.model)
        return None if said is None else [each["kind"] for each in said.values()]

    def together(self, sample: Sample) -> int:
        return TOGETHER if sample.joins and not self.form else 1

    def ask(self, samples: Sequence[Sample]) -> list[Result]:
        """The answers; samples that are refused together are asked in halves, so that only those fail that are wrong.

        Raises UserError where the server cannot be reached or lets nobody in, Unavailable where it does not serve.
        """
        try:
            return self._answers(samples)
        except OSError as error:
            return [Unanswered(f"cannot be read ({error.strerror})")]
        except OF_ALL:
            raise
        except (Refused, ServerFault, NotDecodable) as error:
            if len(samples) == 1:
                return [refused(samples[0], str(error), isinstance(error, ServerFault))]
        middle = len(samples) // 2
        return self.ask(samples[:middle]) + self.ask(samples[middle:])

    def _answers(self, samples: Sequence[Sample]) -> list[Result]:
        if self.form:
            assert isinstance(self.client, RestClient)
            return [{FILE: self.client.file(self.model, body(samples), self.form)}]
        return each(self.client.ask(self.model, body(samples)), samples)
