"""The lock of a run: one process at a time writes to a run folder, and one to a run in a store.

`.lock/<n>.json` names its holder, who writes it anew every few seconds. Whoever finds that the holder is dead takes the
run over, by creating file n + 1 where there is none. On the holder's own machine its process tells. From elsewhere a
holder counts as dead when its file did not change for LEASE_SECONDS of the asking process's own clock; clocks of two
machines are never compared. A restart of the same job, such as a pod that replaces another, need not wait.
"""

import random
import sys
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from torchferry.errors import StoreError, UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.lock_holder import Holder, me, read_holder

FOLDER = ".lock"
RENEW_SECONDS = 4.0
LEASE_SECONDS = 20.0
PAUSE = 0.2


class RunLock:
    """Raises StoreError for whatever the store or the disk does."""

    def __init__(self, store: ObjectStore, run: str, launch: str) -> None:
        """`run` is the run's folder in the store, or nothing where the store is the run folder itself."""
        self.store, self.folder = store, f"{run}/{FOLDER}".removeprefix("/")
        self.where = f"{store.url}/{run}".removesuffix("/").removeprefix("file://")
        since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        self.mine = Holder(**me(), launch=launch, since=since, token=uuid.uuid4().hex)
        self.number = 0
        self.tried = 0.0
        """When its thread last renewed the lock, or failed to, by a clock that goes on while the machine sleeps."""
        self.lost: str | None = None
        """Who has taken the run over, in words."""
        self.ended = threading.Event()
        self.asking = threading.Lock()
        self.thread: threading.Thread | None = None

    def take(self) -> None:
        """Wait for a dead holder's lease, if it has to be. Raises UserError where a living process holds the lock."""
        watched, since, told = b"", 0.0, False
        while True:
            found, content = self._found()
            holder = read_holder(content)
            if not found or self._may_take(holder) or (content == watched and _now() - since > LEASE_SECONDS):
                if self._create(found, content):
                    break
                continue
            if content != watched:
                if watched and holder is not None:
                    raise self._refusal(holder)  # it is alive, because it wrote
                watched, since = content, _now()
            if not told:
                who = holder.in_words if holder is not None else "an unreadable lock"
                told = _say(f"{self.where}: is held by {who}; waits up to {LEASE_SECONDS:.0f} s for a sign of life")
            time.sleep(PAUSE)
        self.thread = threading.Thread(target=self._renew, name="run-lock", daemon=True)
        self.thread.start()

    def check(self) -> None:
        """Before anything is written: raises UserError where another process has taken the run over."""
        stood_still = _now() - self.tried > 2 * RENEW_SECONDS and not self.asking.locked()
        if self.lost is None and stood_still:
            with suppress(StoreError):  # a store that is out of reach says nothing about who holds the lock
                self._look()
        if self.lost is not None:
            raise UserError(self.lost)

    def release(self) -> None:
        """Nothing is left of a lock that is still this process's."""
        self.ended.set()
        if self.thread is None:
            return
        with suppress(StoreError), self.asking:
            if self._is_mine(self.store.read(self._file(self.number)) or b""):
                self.store.remove(self._file(self.number))
        self.thread.join(RENEW_SECONDS)

    def _may_take(self, holder: Holder | None) -> bool:
        """Whether its holder is dead, or another process of the same job. Raises UserError where it lives here."""
        if holder is None:
            return False
        if holder.is_here(self.mine):
            if holder.lives():
                raise self._refusal(holder)
            return True
        return holder.launch == self.mine.launch

    def _refusal(self, holder: Holder) -> UserError:
        return UserError(f"{self.where}: is in use by {holder.in_words}; wait for its end, or give another --name")

    def _found(self) -> tuple[list[int], bytes]:
        """The numbers of all files, and the content of the last, which counts; a killed process may leave more."""
        while numbers := self._numbers():
            if (content := self.store.read(self._file(numbers[-1]))) is not None:
                return numbers, content
        return [], b""

    def _numbers(self) -> list[int]:
        names = (name.removesuffix(".json") for name in self.store.names(self.folder))
        return sorted(int(name) for name in names if name.isdecimal())

    def _create(self, found: list[int], judged: bytes) -> bool:
        """Take the next number, after the last of those `found` was `judged`; False where somebody else was quicker."""
        before = max(found, default=0)
        number = before + 1
        self.number = number
        self.store.create(self._file(number), self.mine.to_json(0))
        mine = self._is_mine(self.store.read(self._file(number)) or b"")
        # Files that were not found before are of others who take it at this moment, from another number.
        others = set(self._numbers()) - {number, *found}
        again = self.store.read(self._file(before)) if before else None
        if mine and not others and again in (None, judged):
            self.tried = _now()
            for each in found:
                self.store.remove(self._file(each))
            return True
        if mine:
            self.store.remove(self._file(number))
        time.sleep(PAUSE * random.random())
        return False

    def _renew(self) -> None:
        count = 0
        while not self.ended.wait(RENEW_SECONDS) and self.lost is None:
            count += 1
            # A store that is out of reach for a while is tried again; who has taken over meanwhile, shows then.
            with suppress(StoreError):
                self._look(count)
            self.tried = _now()

    def _look(self, count: int | None = None) -> None:
        """Whether the lock is still this process's; write it anew if there is a `count`."""
        with self.asking:
            found, content = self._found()
            if self.ended.is_set():
                return
            if not found or found[-1] != self.number or not self._is_mine(content):
                holder = read_holder(content)
                who = f"was taken over by {holder.in_words}" if holder else "lost its lock"
                self.lost = f"{self.where}: {who}, while this process stood still; it ends and writes nothing more"
                return
            if count is not None:
                self.store.write(self._file(self.number), self.mine.to_json(count))

    def _is_mine(self, content: bytes) -> bool:
        # Not by all of it: a write may have arrived of which the store could not say so.
        holder = read_holder(content)
        return holder is not None and holder.token == self.mine.token

    def _file(self, number: int) -> str:
        return f"{self.folder}/{number}.json"


def _now() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _say(line: str) -> bool:
    print(f"torchferry: {line}", file=sys.stderr, flush=True)
    return True
