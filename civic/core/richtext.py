"""Plain text as people type it, made into safe HTML when it is written: paragraphs, lists, links, nothing else.

Everything is escaped first; only the tags named here are ever produced.  A blank line parts paragraphs, a line that begins with `-`, `•`
or `·` is a point of a list, one with `1.`, `1、` or `1）` of a numbered list, an address that begins with http:// or https:// is a link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

POINT = re.compile(r"^\s*[-•·*]\s+(?P<words>\S.*)$")
NUMBERED = re.compile(r"^\s*(?P<number>\d{1,2})(?:[.)]\s+|[、）．]\s*)(?P<words>\S.*)$")
#: signs that a sentence puts behind an address do not belong to it; Chinese text goes on without a space
ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:[/?#][A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*)?")
BEHIND = ".,;:!?)]'"


@dataclass(frozen=True)
class Written:
    """What `html_of` made, as a template prints it: it was escaped when it was written."""

    html: str

    def __html__(self) -> str:
        return self.html


def html_of(text: str) -> str:
    """Safe HTML of a plain text; '' for an empty one."""
    blocks: list[str] = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        blocks += _blocks(part.split("\n"))
    return "\n".join(blocks)


def first_words(text: str, most: int = 120) -> str:
    """The beginning of a text in one line, for lists and descriptions: at most `most` characters."""
    line = " ".join(re.sub(r"^\s*[-•·*]\s+", "", part).strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _blocks(lines: list[str]) -> list[str]:
    """Paragraphs and lists of one part without blank lines."""
    found: list[str] = []
    run: list[str] = []
    kind = ""
    start = 1
    for line in [*lines, None]:
        point, numbered = (POINT.match(line), NUMBERED.match(line)) if line is not None else (None, None)
        now = "" if line is None else "ul" if point else "ol" if numbered else "p"
        if now != kind and run:
            found.append(_block(kind, run, start))
            run = []
        if numbered and not run:
            start = int(numbered["number"])
        match = point or numbered
        if line is not None and line.strip():
            run.append(match["words"].strip() if match else line.strip())
        kind = now
    return found


def _block(kind: str, lines: list[str], start: int) -> str:
    if kind == "p":
        return f"<p>{'<br>'.join(_linked(line) for line in lines)}</p>"
    points = "".join(f"<li>{_linked(line)}</li>" for line in lines)
    begin = f' start="{start}"' if kind == "ol" and start != 1 else ""
    return f"<{kind}{begin}>{points}</{kind}>"


def _linked(line: str) -> str:
    """One line, escaped, its addresses made into links."""
    found, after = "", 0
    for match in ADDRESS.finditer(line):
        address = match[0].rstrip(BEHIND)
        found += escape(line[after : match.start()])
        found += f'<a href="{escape(address)}" rel="nofollow noopener">{escape(address)}</a>'
        after = match.start() + len(address)
    return found + escape(line[after:])
