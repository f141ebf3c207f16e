"""Bearer tokens from a file, each with a rate limit of its own."""

import hmac
import math
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.errors import NotAllowed, Overloaded

ADMIN = "admin"
"""The role, as a line says it."""


@dataclass
class Token:
    name: str
    secret: str
    rate: float = math.inf
    """Requests a second."""
    is_admin: bool = False
    """Whether it may change what is served."""
    left: float = field(default=0.0)
    """Of a second's worth, which is the most that can be saved up."""
    refilled: float = field(default_factory=time.monotonic)

    @property
    def client(self) -> str:
        """By which its shares are counted; no address is like it."""
        return f"token {self.name}"

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

    def __init__(self, path: Path | None, option: str = "--tokens", own_key: str = "") -> None:
        """`own_key` is what our own commands send, of the role admin. Raises UserError, which names the option."""
        self.path, self.option = path, option
        self.own = [Token("torchferry", own_key, is_admin=True)] if own_key else []
        self.tokens: list[Token] = []
        self.read_at: tuple[float, int] | None = None
        self.mode = 0
        """The file's permissions."""
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
            raise UserError(f"{self.option}: {self.path}: cannot be read ({error})") from error
        place = f"{self.option}: {self.path}"
        self.tokens = [_token(words, place) for words in lines if words and not words[0].startswith("#")]
        self.read_at, self.mode = changed, state.st_mode

    def warn(self) -> None:
        """Say on stderr that other users of this machine can read the secrets."""
        if self.mode & stat.S_IROTH:
            text = f"torchferry: {self.option}: {self.path} can be read by every user of this machine; chmod o-r it"
            print(text, file=sys.stderr, flush=True)

    def check(self, authorization: str) -> Token | None:
        """Whose request it is; None where everybody is let in. `authorization` is the header. Raises NotAllowed and
        Overloaded."""
        if not self.path:
            return None
        if token := self.find(authorization):
            token.spend()
            return token
        raise NotAllowed("the request has no token that this server takes; send Authorization: Bearer TOKEN")

    def find(self, authorization: str) -> Token | None:
        """Whose header it is, without a use of the token's rate."""
        kind, _, secret = authorization.partition(" ")
        if kind.lower() == "bearer":
            for token in (*self.own, *self.tokens):
                # As long for a wrong one as for a right one, so that nobody can guess it letter by letter.
                if hmac.compare_digest(token.secret.encode(), secret.strip().encode("utf-8", "replace")):
                    return token
        return None


def _token(words: list[str], place: str) -> Token:
    try:
        name, secret, *rest = words
        is_admin = rest[-1:] == [ADMIN]
        (rate,) = [float(word) for word in rest[: len(rest) - is_admin]] or [math.inf]
        token = Token(name, secret, rate, is_admin)
    except ValueError as error:
        raise UserError(f"{place}: a line is not NAME TOKEN [REQUESTS-PER-SECOND] [{ADMIN}]") from error
    if not token.rate > 0:
        raise UserError(f"{place}: '{token.name}' has the rate {token.rate:g}; give a number above 0")
    token.left = 1.0 if math.isinf(token.rate) else max(1.0, token.rate)
    return token
