"""The picture of the demo on the first page, drawn from what the demo prints.

`make demo-picture` plays the demo and writes docs/demo.svg. What differs from run to run (hashes, ports,
folders, entries) is left out, so a test can compare the whole file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from html import escape
from io import StringIO
from pathlib import Path

import trio
from rich.console import Console

from reverser.app.demo import play
from reverser.app.demo_screen import Screen
from reverser.log import configure

PICTURE = Path(__file__).parents[2] / "docs/demo.svg"
TITLE = "make demo"

COLOURS = {
    "bold cyan": "#56d4dd",
    "cyan": "#56d4dd",
    "bold": "#ffffff",
    "bold yellow": "#e3b341",
    "italic": "#8b949e",
    "": "#c9d1d9",
}
"""Style of the screen -> colour. A line of another style (trailers, diffs, files) is not shown."""
CHARACTER, LINE, MARGIN, TOP = 7.4, 17, 18, 44
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"

Line = tuple[str, str]


class RecordingScreen(Screen):
    """A screen that keeps what is printed, with its styles."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, paced=False)
        self.printed: list[Line] = []

    def line(self, text: str = "", style: str = "") -> None:
        self.printed.append((text, style))
        super().line(text, style)


def story(printed: Iterable[Line]) -> list[Line]:
    """The steps after the snapshot, each commit by its author, subject, changes and evidence."""
    blocks: list[list[Line]] = [[]]
    for text, style in printed:
        if text.startswith(("→ ", "commit ")):
            blocks.append([])
        blocks[-1].append((text, style))
    steps: list[list[list[Line]]] = []
    for block in blocks:
        if block and block[0][0].startswith("→ "):
            steps.append([block])
        elif steps:
            steps[-1].append(block)
    return [line for step in steps[1:] for line in _step(step)]


def _step(blocks: list[list[Line]]) -> Iterator[Line]:
    """A step's sentence, its commits in the order of their subjects, and its remark."""
    head, *commits = blocks
    yield from _compact(head)
    remarks = [line for commit in commits for line in commit if line[1] == "italic"]
    for commit in sorted(commits, key=lambda commit: [text for text, _ in commit if text.startswith("[")]):
        yield from _compact(_message(commit))
    yield from _compact([*remarks])


def _message(commit: list[Line]) -> list[Line]:
    """The commit up to its diff, without its hash."""
    shown = []
    for text, style in commit[1:]:
        if re.fullmatch(r"[\w.-]+/[\w./-]+\.yaml", text):
            break
        shown.append((text, style))
    return shown


def _compact(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines that are shown, and an empty one."""
    shown = [(text, style) for text, style in lines if text and style in COLOURS]
    yield from shown
    if shown:
        yield "", ""


def draw(printed: Iterable[Line]) -> str:
    """The picture, as SVG."""
    lines = story(printed)
    while lines and not lines[-1][0]:
        lines.pop()
    width = round(2 * MARGIN + CHARACTER * max(len(text) for text, _ in lines))
    height = TOP + LINE * len(lines) + MARGIN
    dots = "".join(
        f'<circle cx="{MARGIN + 18 * number}" cy="19" r="5.5" fill="{colour}"/>\n'
        for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    texts = "".join(
        _text(text, style, TOP + LINE * number + 12) for number, (text, style) in enumerate(lines) if text
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="{FONT}" font-size="12.3">\n'
        f"<title>{TITLE}</title>\n"
        f'<rect width="{width}" height="{height}" rx="9" fill="#0d1117"/>\n{dots}'
        f'<text x="{width / 2}" y="23" fill="#8b949e" text-anchor="middle">{TITLE}</text>\n{texts}</svg>\n'
    )


def _text(text: str, style: str, y: int) -> str:
    weight = ' font-weight="bold"' if "bold" in style else ""
    # The length is given, so that no reader's font makes a line longer than the picture.
    length = f'textLength="{len(text) * CHARACTER:.1f}" lengthAdjust="spacingAndGlyphs"'
    attributes = f'x="{MARGIN}" y="{y}" fill="{COLOURS[style]}"{weight}'
    return f'<text {attributes} {length} xml:space="preserve">{escape(text, quote=False)}</text>\n'


def main() -> None:
    configure("console", "warning")
    screen = RecordingScreen(Console(file=StringIO(), highlight=False))
    with tempfile.TemporaryDirectory() as folder:
        trio.run(partial(play, Path(folder), screen, keep=False))
    PICTURE.write_text(draw(screen.printed), encoding="utf-8")


if __name__ == "__main__":
    main()
