"""verify/due_date.py, the script with which a stranger recomputes a due date: it agrees with an honest site and catches a tampered one."""

import ast
import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from civic.core.workdays import DayKind, DecreeDay, Reason, Unit, WorkCalendar, span

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "verify" / "due_date.py"
DECREES = [ROOT / "data" / "workdays" / f"{year}.csv" for year in (2025, 2026)]
WORKING, CALENDAR = Unit.working_day, Unit.calendar_day


@pytest.fixture(scope="module")
def calendar() -> WorkCalendar:
    rows = [row for path in DECREES for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())]
    return WorkCalendar(
        DecreeDay(date.fromisoformat(row["day"]), DayKind(row["kind"]), row["name_zh"], row["name_en"], row["document"]) for row in rows
    )


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "no_proxy": "127.0.0.1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, timeout=60, check=False)


@contextmanager
def site_answering(body: bytes, status: int = 200) -> Iterator[str]:
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v1/workdays"
        finally:
            server.shutdown()
            thread.join()


def site_says(calendar: WorkCalendar, start: str, amount: int, unit: Unit, lang: str = "both") -> dict[str, object]:
    """The site's answer as the API gives it, reasons in one language or as a bilingual field."""
    result = span(calendar, date.fromisoformat(start), amount, unit)

    def reason(day):
        zh, en = ("周末", "Weekend") if day.why is Reason.weekend else (day.name_zh, day.name_en)
        return {"zh": zh, "en": en, "both": {"zh": zh, "en": en}}[lang]

    skipped = [{"on": day.day.isoformat(), "why": reason(day)} for day in result.skipped]
    return {"end_on": result.end_on.isoformat(), "provisional": result.provisional, "skipped": skipped}


def check_site(answer: object, start: str, amount: int, unit: Unit) -> subprocess.CompletedProcess[str]:
    with site_answering(json.dumps(answer).encode()) as address:
        return run_script("--url", f"{address}?from={start}&days={amount}&unit={unit}", *map(str, DECREES))


ASKED = [
    ("2026-09-30", 5, WORKING),
    ("2026-09-20", 15, CALENDAR),
    ("2026-10-06", 0, WORKING),
    ("2026-10-06", 0, CALENDAR),
    ("2026-12-28", 9, WORKING),
    ("2027-05-01", 0, WORKING),
    ("2024-12-31", 1, WORKING),
    ("2024-12-31", 0, WORKING),
]


@pytest.mark.parametrize(("start", "amount", "unit"), ASKED)
def test_the_script_agrees_with_an_honest_site(calendar, start, amount, unit):
    answer = site_says(calendar, start, amount, unit)
    result = check_site(answer, start, amount, unit)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"ends {answer['end_on']}, provisional: {answer['provisional']}" in result.stdout
    assert result.stdout.endswith("equal\n")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_script_takes_reasons_in_either_language(calendar, lang):
    assert check_site(site_says(calendar, "2026-09-30", 5, WORKING, lang), "2026-09-30", 5, WORKING).returncode == 0


def tampered(answer, how):
    skipped = answer["skipped"]
    return {
        "another end": answer | {"end_on": "2026-10-14"},
        "provisional": answer | {"provisional": True},
        "a day left out": answer | {"skipped": skipped[1:]},
        "a day too many": answer | {"skipped": [*skipped, {"on": "2026-10-12", "why": "Weekend"}]},
        "another reason": answer | {"skipped": [*skipped[:-1], {"on": skipped[-1]["on"], "why": "National Day"}]},
        "no end": {"provisional": False, "skipped": skipped},
        "no object": [],
        "days as words": answer | {"skipped": ["2026-10-01"]},
    }[how]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("another end", "ends 2026-10-14"),
        ("provisional", "provisional: True"),
        ("a day left out", "2026-10-01 skipped: no"),
        ("a day too many", "2026-10-12 skipped"),
        ("another reason", '2026-10-11 skipped: "national day"'),
        ("no end", "no usable answer"),
        ("no object", "no usable answer"),
        ("days as words", "no usable answer"),
    ],
)
def test_the_script_catches_a_tampered_answer(calendar, how, told):
    result = check_site(tampered(site_says(calendar, "2026-09-30", 5, WORKING), how), "2026-09-30", 5, WORKING)
    assert result.returncode == 1
    assert told in result.stdout + result.stderr
    assert "equal\n" not in result.stdout


@pytest.mark.parametrize(("body", "status"), [(b"not JSON", 200), (b"{}", 404), (b"\xff", 200)])
def test_the_script_fails_without_a_usable_answer(body, status):
    with site_answering(body, status) as address:
        result = run_script("--url", f"{address}?from=2026-09-30&days=5&unit=working_day", *map(str, DECREES))
    assert (result.returncode, "no usable answer" in result.stderr) == (1, True)


def test_days_at_the_edge_do_not_publish_the_year_beside_the_decree(tmp_path):
    decree = tmp_path / "2027.csv"
    row = "day,kind,name_zh,name_en,document\n{},holiday,元旦,New Year's Day,\n"
    ends = []
    for edge in ("2026-01-10", "2026-01-11", "2026-12-21", "2026-12-22", "2026-12-31"):
        decree.write_text(row.format(edge), encoding="utf-8-sig")
        ends.append(run_script("2026-03-02", "1", "working_day", str(decree)).stdout.splitlines()[0])
    assert [end.rpartition(" ")[2] for end in ends] == ["True", "False", "False", "True", "True"]


def test_the_script_prints_each_skipped_day_and_why():
    result = run_script("2026-09-30", "5", "working_day", *map(str, DECREES))
    lines = result.stdout.splitlines()
    assert result.returncode == 0
    assert [line[:10] for line in lines[:8]] == [f"2026-10-{day:02}" for day in (1, 2, 3, 4, 5, 6, 7, 11)]
    assert "国庆" in lines[0]
    assert lines[7:] == ["2026-10-11 skipped: 周末 Weekend", "ends 2026-10-13, provisional: False", "not compared"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--url"],
        ["--url", "http://127.0.0.1:9/?from=2026-09-30&unit=working_day", "CALENDAR"],
        ["2026-09-30", "5", "working_day"],
        ["2026-09-30", "5", "fortnight", "CALENDAR"],
        ["2026-09-31", "5", "working_day", "CALENDAR"],
        ["2026-09-30", "five", "working_day", "CALENDAR"],
        ["2026-09-30", "-1", "working_day", "CALENDAR"],
        ["2026-09-30", "3661", "working_day", "CALENDAR"],
        ["2026-09-30", "5", "working_day", "missing.csv"],
        ["2026-09-30", "5", "working_day", "SCRIPT"],
    ],
)
def test_the_script_explains_itself_on_wrong_usage(arguments):
    files = {"CALENDAR": str(DECREES[0]), "SCRIPT": str(SCRIPT)}
    result = run_script(*[files.get(word, word) for word in arguments])
    assert (result.returncode, result.stdout) == (2, "")
    assert "python3 due_date.py FROM N UNIT" in result.stderr


def test_the_script_is_short_and_needs_python_alone():
    source = SCRIPT.read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert len(source.splitlines()) <= 80
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
