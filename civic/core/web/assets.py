"""Static files under one address that changes with their contents: `/static/<hash>/css/site.css`, kept by browsers for a year.

The style sheets are joined to one file in the order of `STYLES`, so a first visit fetches one.  Everything is written, with brotli and
gzip beside it, to `<data>/assets/<hash>/` when the program starts and served by WhiteNoise; relative addresses inside CSS and
modules keep working because the hash stands in the path.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import brotli

FAMILIES = ("frame", "controls", "lists", "notices", "time", "forms", "tables", "paper")
STYLES = ("css/tokens.css", "css/base.css", *(f"css/components/{family}.css" for family in FAMILIES))
APART = (
    "css/components/elder.css",
    "css/components/bulletin.css",
    "css/components/charts.css",
)  # loaded in elder mode alone; on pages of the bulletin; with drawings
SITE_CSS = "css/site.css"
COMPRESSED = {".css", ".js", ".svg", ".json", ".webmanifest"}


def collect(source: Path) -> dict[str, bytes]:
    """Relative path → bytes of every file that is served, the joined style sheet among them."""
    files = {p.relative_to(source).as_posix(): p.read_bytes() for p in sorted(source.rglob("*")) if p.is_file()}
    joined = b"".join(files[name] for name in STYLES)
    files = {name: body for name, body in files.items() if name not in STYLES}
    files[SITE_CSS] = joined.replace(b'url("../../img/', b'url("../img/')
    return files


def fingerprint(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()[:10]


def build(source: Path, target: Path) -> tuple[str, Path]:
    """Write the files once per content; returns the hash and the folder.  Several workers may do this at the same time."""
    files = collect(source)
    mark = fingerprint(files)
    folder = target / mark
    if not folder.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target))
        for name, body in files.items():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            if path.suffix in COMPRESSED:
                path.with_name(path.name + ".br").write_bytes(brotli.compress(body, quality=11))
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(body, 9, mtime=0))
        try:
            scratch.chmod(0o755)
            os.rename(scratch, folder)
        except OSError:  # another worker was faster
            shutil.rmtree(scratch)
    return mark, folder
