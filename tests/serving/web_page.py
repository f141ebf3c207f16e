"""A page of another origin that sends to given URLs whatever a page can send, in headless Chromium on this machine."""

import http.server
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from tests.http_server import http_server
from tests.waiting import wait_until

EVIL = "evil.example"
# What a page can send: by fetch without and with asking first, without any type, by a beacon, by a form.
PAGE = """<!doctype html><body><script>
const ended = [], urls = %s, send = async (url, given) => {
  try { ended.push((await fetch(url, {method: "POST", ...given})).type) } catch { ended.push("refused") }
};
const submit = url => new Promise(done => {
  const frame = document.createElement("iframe"), form = document.createElement("form");
  frame.name = form.target = url;
  form.action = url; form.method = "POST"; form.enctype = "text/plain";
  form.innerHTML = '<input name=\\'{"a\\' value=\\'": 1}\\'>';
  document.body.append(frame, form);
  frame.onload = () => { ended.push("form"); done() };
  form.submit();
});
onload = async () => {
  for (const url of urls) {
    await send(url, {mode: "no-cors", body: "{}"});
    await send(url, {mode: "no-cors", body: new Blob(["{}"])});
    await send(url, {mode: "no-cors"});
    for (const method of ["POST", "PUT", "DELETE"])
      await send(url, {method, headers: {"Content-Type": "application/json"}, body: "{}"});
    ended.push("beacon " + navigator.sendBeacon(url, new Blob(["{}"], {type: "text/plain"})));
    await submit(url);
  }
  await fetch("/ended", {method: "POST", body: JSON.stringify(ended)});
};
</script>"""
WAYS = 8
REFUSED = 3
"""Of the ways those that the browser has to ask for first, and that are not even sent."""
NAMES = ("127.0.0.1", "localhost", EVIL)
"""By which a page reaches a port of this machine."""
needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is missing")


class Site(http.server.BaseHTTPRequestHandler):
    """Gives the page and keeps what it says at its end."""

    urls: ClassVar[list[str]]
    ended: ClassVar[list[list[str]]]

    def do_GET(self) -> None:
        self._answer((PAGE % json.dumps(self.urls)).encode())

    def do_POST(self) -> None:
        self.ended.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(b"")

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def _shown(url: str, folder: Path) -> Iterator[None]:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    flags += [f"--host-resolver-rules=MAP {EVIL} 127.0.0.1", "--remote-debugging-port=0", url]
    log = subprocess.DEVNULL
    browser = subprocess.Popen(["chromium", *flags], stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def visit(urls: Sequence[str], folder: Path) -> None:
    """Show the page under this machine's address and under a name of its own; it has to send all that it can."""
    Site.urls, Site.ended = list(urls), []
    with http_server(Site) as page:
        for count, name in enumerate(("127.0.0.1", EVIL), 1):
            with _shown(page.replace("127.0.0.1", name), folder / name):
                wait_until(lambda count=count: len(Site.ended) == count, 120)  # type: ignore[misc]
    for ended in Site.ended:
        assert len(ended) == WAYS * len(urls)
        assert ended.count("refused") == REFUSED * len(urls)
