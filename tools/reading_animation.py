"""Makes docs/images/reading.gif: a digit that is drawn on the page of `smnist` and then read, pixel by pixel.

PYTHONPATH=tools python tools/reading_animation.py FILE.gif   # needs Chromium, the extra `web`, and Pillow
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

import hadamrnn_ext as hr
from browser import Page, browser, served

#: Frames are drawn when this script says so, and at its times.
CLOCK = """
const waiting = [];
window.requestAnimationFrame = (work) => waiting.push(work);
window.cancelAnimationFrame = () => waiting.splice(0);
window.advance = (now) => { const due = waiting.splice(0); due.forEach((work) => work(now)); return due.length; };
"""
#: A two, as shares of the drawing area.
LINE = [
    *(
        (0.28, 0.32),
        (0.32, 0.22),
        (0.42, 0.16),
        (0.55, 0.16),
        (0.64, 0.22),
        (0.67, 0.32),
        (0.63, 0.44),
        (0.54, 0.56),
    ),
    *((0.42, 0.68), (0.3, 0.8), (0.31, 0.82), (0.45, 0.82), (0.6, 0.82), (0.74, 0.82)),
]
SIZE = {"width": 820, "height": 640}
READING, DRAWN, END = 60, 90, 2600  # milliseconds of a frame
FRAMES = 40  # of reading
COLORS = 128
BARS = (430, 160, 780, 640)  # where the network answers


def frames(page: Page) -> list[tuple[Image.Image, int]]:
    """Pictures of the page, and how long each is to be seen."""
    found = []

    def keep(milliseconds: int) -> None:
        content = page.picture({"x": 0, "y": 0, **SIZE})
        found.append((Image.open(io.BytesIO(content)).convert("RGB"), milliseconds))

    for count in range(2, len(LINE) + 1, 2):
        page.evaluate("document.getElementById('clear').click()")
        page.draw([LINE[:count]])
        keep(DRAWN)
    page.wait("waiting.length")
    page.evaluate("advance(0)")
    for i in range(1, FRAMES + 1):
        page.evaluate(f"advance({2000 * i / FRAMES})")
        keep(READING if i < FRAMES else END)
    return found


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder, browser() as page:
        hr.export.web(hr.load("smnist"), folder, "smnist")
        with served(Path(folder)) as address:
            page.look(SIZE["width"], SIZE["height"])
            page.call("Page.addScriptToEvaluateOnNewDocument", source=CLOCK)
            page.open(address)
            pictures, times = zip(*frames(page), strict=True)
            print(page.text("answer"))
    # The colors of the bars and courses, which are small parts of a picture, come from all pictures.
    bars = Image.new("RGB", (BARS[2] - BARS[0], (BARS[3] - BARS[1]) * len(pictures)))
    for i, picture in enumerate(pictures):
        bars.paste(picture.crop(BARS), (0, i * (BARS[3] - BARS[1])))
    palette = bars.quantize(COLORS)
    first, *rest = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    first.save(sys.argv[1], save_all=True, append_images=rest, duration=list(times), loop=0, optimize=True)
    print(f"{Path(sys.argv[1]).stat().st_size:,} bytes, {len(pictures)} frames")


if __name__ == "__main__":
    main()
