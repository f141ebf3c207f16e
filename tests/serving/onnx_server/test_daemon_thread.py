"""Work in a thread that nobody has to wait for, neither the loop nor the process."""

import asyncio
import threading

import pytest

from tests.commands import run_python
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.daemon_thread import in_daemon_thread

NEVER = """
import asyncio, threading
from torchferry.serving.onnx_server.daemon_thread import in_daemon_thread
async def main():
    in_daemon_thread(threading.Event().wait)
asyncio.run(main())
"""


@in_loop
async def test_it_gives_what_the_work_gives_or_raises() -> None:
    assert await in_daemon_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(divmod, 7, 0)


@in_loop
async def test_who_waits_no_longer_is_not_told_and_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    ends, threads = threading.Event(), list[threading.Thread]()

    def work() -> None:
        threads.append(threading.current_thread())
        ends.wait()

    waiting = in_daemon_thread(work)
    await until(lambda: bool(threads))
    waiting.cancel()
    ends.set()
    await until(lambda: not threads[0].is_alive())
    await asyncio.sleep(0)
    assert waiting.cancelled()
    assert capfd.readouterr() == ("", "")


def test_the_process_ends_without_it() -> None:
    assert run_python("-c", NEVER).returncode == 0
