"""Finds Chromium and starts it for Playwright, quiet and without a network of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

SETTING = "CIVIC_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # the sandbox refuses root, and only our own pages are opened
    "--disable-dev-shm-usage",  # containers give 64 MB of shared memory
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # this and the next two: it asks nobody but the site under test
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowserError(Exception):
    """No Chromium here; the message says how to get one."""


def executable(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the browser: the setting, else the first name on PATH.  Raises NoBrowserError."""
    given = environment.get(SETTING)
    if given:
        if not os.access(given, os.X_OK):
            raise NoBrowserError(f"{SETTING} is {given}, which cannot be run.")
        return Path(given)
    for name in NAMES:
        found = shutil.which(name, path=environment.get("PATH"))
        if found:
            return Path(found)
    raise NoBrowserError(f"No Chromium: set {SETTING}, or type: apt-get install -y --no-install-recommends chromium fonts-noto-cjk")


def launch(playwright: Playwright) -> Browser:
    """Start the browser without a window.  Raises NoBrowserError."""
    return playwright.chromium.launch(executable_path=executable(), headless=True, args=ARGUMENTS)
