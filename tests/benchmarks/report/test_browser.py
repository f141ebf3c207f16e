"""Reports in headless Chromium: light and dark, layout, print, and the contrast of the colours."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from torchferry.benchmarks.report.page import STYLE

pytestmark = pytest.mark.server

PHONE, DESKTOP = (390, 844), (1280, 900)


LIGHT, DARK = "--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"


# Put into a copy of the page, since the page itself runs nothing: what it is like when laid out, as JSON in the title.
PROBE = """<script>
const small = [], crossing = [], outside = [];
document.querySelectorAll("svg.chart").forEach(svg => {
  const frame = svg.closest("figure").getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text:not(.in-bar)")].map(text => {
    const box = text.getBoundingClientRect();
    if (parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a < 10) small.push(text.textContent);
    if (box.left < frame.left - 1 || box.right > frame.right + 1) outside.push(text.textContent);
    return [text.textContent, box];
  });
  boxes.forEach(([one, a], index) => boxes.slice(index + 1).forEach(([other, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 0 && high > 4) crossing.push(one + " | " + other);
  }));
});
document.title = JSON.stringify({
  small, crossing, outside, wide: document.documentElement.scrollWidth, window: innerWidth,
});
</script></body>"""


class Browser:
    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def run(self, page: Path, size: tuple[int, int], *options: str) -> str:
        """What it prints. Of its own home, so that no user's settings play a part."""
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        flags += [f"--user-data-dir={self.folder / 'profile'}", f"--window-size={size[0]},{size[1]}"]
        command = [self.program, *flags, *options, page.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def picture(self, page: Path, size: tuple[int, int], *options: str) -> np.ndarray:
        """uint8 [height, width, 3]"""
        path = self.folder / f"{size[0]}{'-'.join(options).replace('=', '-')}.png"
        self.run(page, size, *options, f"--screenshot={path}")
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is missing")
    return Browser(program, tmp_path)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_a_browser_shows_it_light_and_dark(browser: Browser, path: Path, size: tuple[int, int]) -> None:
    light, dark = browser.picture(path, size, LIGHT), browser.picture(path, size, DARK)
    for picture in (light, dark):
        assert picture.shape[:2] == size[::-1]
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert np.median(light) > 230
    assert np.median(dark) < 40


@pytest.mark.parametrize("size", [(360, 800), PHONE, (700, 900), DESKTOP])
def test_nothing_is_wider_than_the_window_too_small_or_in_each_others_way(
    browser: Browser, path: Path, size: tuple[int, int]
) -> None:
    found = laid_out(browser, path.read_text(), size)
    assert found["window"] == size[0]
    assert found["wide"] <= size[0]
    assert (found["small"], found["crossing"], found["outside"]) == ([], [], [])


def test_the_page_can_be_printed(browser: Browser, path: Path, tmp_path: Path) -> None:
    browser.run(path, DESKTOP, f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") > 3


def laid_out(browser: Browser, page: str, size: tuple[int, int]) -> dict[str, Any]:
    """What the probe says. In a frame of that size, since a window of a desktop cannot be as narrow as a phone."""
    probed = re.sub("<meta http-equiv[^>]*>", "", page).replace("</body>", PROBE)
    frame = f'<iframe style="width: {size[0]}px; height: {size[1]}px; border: 0" srcdoc="{html.escape(probed)}">'
    tell = "<script>onload = () => document.title = frames[0].document.title</script>"
    (browser.folder / "frame.html").write_text(f"<!doctype html><title></title>{frame}</iframe>{tell}")
    title = re.search("<title>(.*?)</title>", browser.run(browser.folder / "frame.html", DESKTOP, "--dump-dom"))
    assert title
    return dict(json.loads(html.unescape(title[1])))


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_have_contrast(scheme: int) -> None:
    """WCAG 2.2: 4.5 to 1 for text, which the letters at the lines are too."""
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
    assert colours.keys() >= {"page", "panel", "text", "soft", "link", "good", "bad", "on-bar", "s5"}
    for name in ("text", "soft", "link", "good", "bad", *(f"s{index}" for index in range(6))):
        assert contrast(colours[name], colours["page"]) >= 4.5, name
    for name in ("text", "soft"):
        assert contrast(colours[name], colours["panel"]) >= 4.5, name
    for index in range(6):
        assert contrast(colours["on-bar"], colours[f"s{index}"]) >= 4.5, index


def contrast(one: str, other: str) -> float:
    lights = sorted(map(_luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
