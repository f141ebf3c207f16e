"""The token that a scraper has to send, from a file like Prometheus' `credentials_file`: the token and nothing else."""

import hmac
import stat
import sys
from contextlib import suppress
from pathlib import Path

from torchferry.errors import UserError


class ScrapeToken:
    """Without a file everybody is let in. It is read again at each scrape: a mounted Secret changes in place."""

    def __init__(self, file: str | None) -> None:
        """Raises UserError."""
        self.file = Path(file) if file is not None else None
        self.token = self._read() if self.file else ""
        if self.file and self.file.stat().st_mode & stat.S_IROTH:
            text = f"torchferry: metrics.token_file: {file} can be read by every user of this machine; chmod o-r it"
            print(text, file=sys.stderr, flush=True)

    def lets_in(self, authorization: str) -> bool:
        """`authorization`: the header, as WSGI has it. Where the file cannot be read any more, its last token holds."""
        if self.file is None:
            return True
        with suppress(UserError):
            self.token = self._read()
        kind, _, token = authorization.partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode("latin-1"), self.token.encode())

    def _read(self) -> str:
        """Raises UserError."""
        assert self.file
        place = f"metrics.token_file: {self.file}"
        try:
            words = self.file.read_text(encoding="utf-8").split()
        except (OSError, ValueError) as error:
            raise UserError(f"{place} cannot be read ({error}); give a file that holds a token") from error
        if len(words) != 1:
            raise UserError(f"{place} holds {len(words)} words; give a file of the token alone")
        return words[0]
