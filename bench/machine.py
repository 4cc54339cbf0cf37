"""What was measured, and where: commit, versions, processor, memory, kernel, how busy the machine was."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import wrk
from bench.server import ROOT

PACKAGES = ("flask", "werkzeug", "jinja2", "sqlalchemy", "granian", "psycopg", "brotli", "flask-babel")
BUSY = 0.5  # load average above which a figure in milliseconds says little


def machine() -> dict[str, Any]:
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_mib": int((_first("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _first(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "wrk": wrk.version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit() -> dict[str, Any]:
    """Which state of the repository; `changed` when files differ from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return {"commit": head or "none yet", "changed": bool(_git("status", "--porcelain"))}


def _git(*words: str) -> str:
    try:
        ran = subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""
