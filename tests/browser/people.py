"""What the journeys of people need beside a browser: what the site wrote to somebody, logins of roles, keys instead of a mouse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from typing import Any

from dotenv import dotenv_values
from flask import Flask
from playwright.sync_api import Page

from civic import paths
from civic.config import Settings
from civic.core import clock, crypto
from tests.browser.conftest import COMMUNITY, tab_to
from tests.browser.server import PASSWORD, Site, environment

OWN_PASSWORD = "seven herons by the lock"


def letters(site: Site, topic: str) -> list[dict[str, Any]]:
    """Subject, body and text message of everything written on a topic, newest first, as its receivers read it."""
    keys = dotenv_values(site.folder / "keys.env")
    app = Flask("reader")
    settings = Settings(database_url="sqlite://", data_dir=site.folder, data_keys=tuple(str(keys["CIVIC_DATA_KEY"]).split(",")))
    app.extensions["civic"] = types.SimpleNamespace(settings=settings)
    with app.app_context():
        rows = site.rows("SELECT sealed FROM message WHERE topic = ? AND sealed <> '' ORDER BY id DESC", topic)
        return [json.loads(crypto.decrypt(str(sealed), "message")) for (sealed,) in rows]


def sent_code(site: Site) -> str:
    """The six digits of the newest text message."""
    words = letters(site, "account")[0]
    found = re.search(r"\b\d{6}\b", words["short"])
    assert found is not None, words
    return found.group()


def sent_link(site: Site, path: str) -> str:
    """The link of the newest mail, from its path on."""
    words = letters(site, "account")[0]
    found = re.search(rf"{path}[\w-]+", words["body"])
    assert found is not None, words
    return found.group()


def colleague(site: Site, login: str, role: str, territory: str = COMMUNITY) -> str:
    """A login with one right, made once by the command of the server; the demonstration's own ones are there already."""
    if not site.rows("SELECT 1 FROM account WHERE login = ?", login):
        command = [sys.executable, "-m", "civic.cli", "user", "create", login, "--role", role, "--territory", territory, "--password-stdin"]
        done = subprocess.run(
            command, input=f"{PASSWORD}\n", cwd=paths.ROOT, env=environment(site.folder), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return login


def have_notice(page: Page, site: Site) -> None:
    """The administrator publishes the first privacy notice where there is none: without one nobody may be asked to agree."""
    if not site.rows("SELECT 1 FROM privacy_notice WHERE from_on <= ?", clock.today().isoformat()):
        page.goto(f"{site}/desk/people/privacy-notice")
        words = {
            "from_on": clock.today().isoformat(),
            "text_zh": "本站保存您的姓名和电话。",
            "text_en": "This site keeps your name and phone.",
        }
        for name, value in words.items():
            page.locator(f"[name={name}]").fill(value)
        page.locator("main form .btn-go").click()
        page.locator(".flashes .note-good").wait_for()


def press(page: Page, selector: str, most: int = 150) -> None:
    """Go to a link or button by the Tab key and press it; returns on the next page."""
    tab_to(page, selector, most)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def write(page: Page, name: str, words: str, most: int = 150) -> None:
    """Go to a field by the Tab key and type into it."""
    tab_to(page, f"[name='{name}']", most)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(words)


def tick(page: Page, name: str, most: int = 150) -> None:
    """Go to a box or choice by the Tab key and mark it."""
    tab_to(page, f"[name='{name}']", most)
    page.keyboard.press("Space")


def make_person(page: Page, site: Site, name: str, *, phone: str = "", birth: str = "1957-06-02") -> str:
    """Record somebody through the form; returns the address of her page."""
    page.goto(f"{site}/desk/people/new")
    for field, words in {"name": name, "birth_on": birth, "phone": phone, "home_words": "榕荫里 1 102"}.items():
        page.locator(f"[name={field}]").fill(words)
    page.locator("main button[value=homes]").click()
    page.locator("main form .btn-go").last.click()
    page.wait_for_url(re.compile(r"/desk/people/[\w-]{22}$"))
    return page.url
