"""Bearer tokens from a file, each with a rate limit of its own."""

import hmac
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.errors import NotAllowed, Overloaded


@dataclass
class Token:
    name: str
    secret: str
    rate: float = math.inf
    """Requests a second."""
    left: float = field(default=0.0)
    """Of a second's worth, which is the most that can be saved up."""
    refilled: float = field(default_factory=time.monotonic)

    def spend(self) -> None:
        """Raises Overloaded."""
        if math.isinf(self.rate):
            return
        now, burst = time.monotonic(), max(1.0, self.rate)
        self.left = min(burst, self.left + (now - self.refilled) * self.rate)
        self.refilled = now
        if self.left < 1:
            raise Overloaded(f"the token '{self.name}' may ask {self.rate:g} times a second", math.ceil(1 / self.rate))
        self.left -= 1


class Access:
    """Lets everybody in where there is no file; the file is read again when it changes."""

    def __init__(self, path: Path | None) -> None:
        """Raises UserError."""
        self.path = path
        self.tokens: list[Token] = []
        self.read_at: tuple[float, int] | None = None
        if path:
            self.refresh()

    def refresh(self) -> None:
        """Raises UserError; then the tokens of before go on."""
        if not self.path:
            return
        try:
            state = self.path.stat()
            changed = (state.st_mtime, state.st_ino)
            if changed == self.read_at:
                return
            lines = [line.split() for line in self.path.read_text().splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--tokens: {self.path}: cannot be read ({error})") from error
        self.tokens = [_token(words, self.path) for words in lines if words and not words[0].startswith("#")]
        self.read_at = changed

    def check(self, authorization: str) -> None:
        """`authorization` is the header. Raises NotAllowed and Overloaded."""
        if not self.path:
            return None
        kind, _, secret = authorization.partition(" ")
        if kind.lower() == "bearer":
            for token in self.tokens:
                # As long for a wrong one as for a right one, so that nobody can guess it letter by letter.
                if hmac.compare_digest(token.secret.encode(), secret.strip().encode("utf-8", "replace")):
                    return token.spend()
        raise NotAllowed("the request has no token that this server takes; send Authorization: Bearer TOKEN")


def _token(words: list[str], path: Path) -> Token:
    try:
        name, secret, *rest = words
        (rate,) = [float(word) for word in rest] or [math.inf]
        token = Token(name, secret, rate)
    except ValueError as error:
        raise UserError(f"--tokens: {path}: a line is not NAME TOKEN [REQUESTS-PER-SECOND]") from error
    if not token.rate > 0:
        raise UserError(f"--tokens: {path}: '{token.name}' has the rate {token.rate:g}; give a number above 0")
    token.left = 1.0 if math.isinf(token.rate) else max(1.0, token.rate)
    return token
