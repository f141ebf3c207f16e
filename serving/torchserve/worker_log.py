"""A worker's words of requests that fail on its side: a line for each, few of them, and none as a client sent it."""

import logging
import threading
import time
import traceback

log = logging.getLogger(__name__)
AT_ONCE = 10
A_SECOND = 1.0
"""Lines, once those are used up; a client that can make a model fail can do so all the time."""
LONGEST = 500
"""Characters of what the error says."""


class FailureLog:
    def __init__(self) -> None:
        self.left, self.at = float(AT_ONCE), time.monotonic()
        self.left_out = 0
        """Failures without a line, since the last one with one."""
        self.lock = threading.Lock()

    def say(self, what: str, error: Exception) -> None:
        """From any thread."""
        with self.lock:
            now = time.monotonic()
            self.left = min(AT_ONCE, self.left + (now - self.at) * A_SECOND)
            self.at = now
            if self.left < 1:
                self.left_out += 1
                return
            self.left -= 1
            more, self.left_out = self.left_out, 0
        before = f"; {more} more failed before it" if more else ""
        log.error("%s: %s%s", what, described(error), before)


def described(error: Exception) -> str:
    """Kind, text and place in one line of ASCII: errors quote what they choke on."""
    text = str(error)[:LONGEST].encode("unicode_escape").decode()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return f"{type(error).__name__}: {text}{where}"


failures = FailureLog()
"""The process's."""
