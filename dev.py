"""The developer's one command: python3 dev.py run | test | check | bench | shots | i18n | migration.

Standard library only, Python 3.11 or newer.  From a bare clone each word makes `.venv`, installs the hashed lock, compiles the
catalogues and does its job; a stamp in `.venv` lets the next start go at once and without a network.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts it chooses the Python
    sys.exit(f"Civic needs Python 3.11 or newer; this is {sys.version.split()[0]}.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
CATALOGUES = ROOT / "translations"
VERSIONS = ROOT / "migrations" / "versions"
HEAD = ROOT / "migrations" / "HEAD"
UV = "uv==0.13.9"  # fetched only where Python comes without ensurepip
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CJK_FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
PACKAGES = ("chromium", "fonts-noto-cjk")  # the smaller fonts lack 㙓 and 𠮷
LAWS = "civic/core/**,civic/*/operations.py,civic/*/operations/**,civic/*/policies.py,civic/*/policies/**"
LAWS_PERCENT = 95
KEPT_SETTINGS = ("CIVIC_TEST_", "CIVIC_CHROMIUM", "CIVIC_PDF_FONT")  # the others would make a test depend on its machine
ALLOWED_SKIPS: tuple[str, ...] = ()  # regular expressions of reasons; nothing is skipped silently, so there is none without need
ONLY_LONG = (  # besides the tests marked `long`
    "deep property profiles: every law of tests/properties with many more examples",
    "every test of pages and of the API on PostgreSQL too, where without it each door is opened once",
)
KEYWORDS = "_l _p:1c,2 lazy_gettext ngettext:1,2 lazy_ngettext:1,2 pgettext:1c,2 lazy_pgettext:1c,2 npgettext:1c,2,3 lazy_npgettext:1c,2,3"


# ---- set-up -----------------------------------------------------------------------------------------------------------------
def ensure(kind: str) -> None:
    """Make `.venv` hold the lock and the catalogues be compiled.  kind: "runtime" or "dev"."""
    lock = ROOT / ("requirements.txt" if kind == "runtime" else "requirements-dev.txt")
    with one_at_a_time():
        if not any(stamp_is_current(k) for k in {kind, "dev"}):
            install(lock)
            link_project()
            for old in VENV.glob("civic-*.stamp"):
                old.unlink()
            stamp(kind).write_text(stamp_text(kind))
        compile_catalogues()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let two commands started together install once."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def stamp(kind: str) -> Path:
    return VENV / f"civic-{kind}.stamp"


def stamp_text(kind: str) -> str:
    """The lock's hash and the place: a tree that was moved needs its link anew."""
    name = "requirements.txt" if kind == "runtime" else "requirements-dev.txt"
    return f"{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()} {ROOT}\n"


def stamp_is_current(kind: str) -> bool:
    return PYTHON.exists() and stamp(kind).exists() and stamp(kind).read_text() == stamp_text(kind)


def install(lock: Path) -> None:
    """Install the lock with uv when it is there, else with pip, which alone is always enough and reads pip's own settings."""
    print(f"Installing {lock.name} into .venv …", flush=True)
    with tempfile.TemporaryDirectory(prefix="civic-uv-") as folder:
        uv = shutil.which("uv") or ("" if has("ensurepip") else fetch_uv(Path(folder)))
        environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        if not PYTHON.exists():  # also when the link points at a Python that is gone
            make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable] if uv else [sys.executable, "-m", "venv", "--clear"]
            subprocess.run([*make, str(VENV)], check=True, env=environment)
        if uv:
            sync = [uv, "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(lock)]
            if subprocess.run(sync, check=False, env=environment).returncode == 0:
                return
            print("uv could not; trying pip.", flush=True)
    install_with_pip(lock)


def install_with_pip(lock: Path) -> None:
    if subprocess.run([PYTHON, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        subprocess.run([PYTHON, "-m", "ensurepip", "--default-pip"], check=True, capture_output=True)
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock]
    if subprocess.run(command, check=False).returncode:
        sys.exit(
            f"{lock.name} could not be installed; the lines above say why. Behind a mirror set PIP_INDEX_URL, for uv UV_DEFAULT_INDEX."
        )


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def fetch_uv(folder: Path) -> str:
    """Put uv into a temporary folder: Debian without python3-venv has no ensurepip, and uv makes a venv without it."""
    if not has("pip"):
        sys.exit("This Python has neither ensurepip nor pip. Type: apt-get install -y python3-venv")
    target = ["--target", str(folder), "--quiet", "--disable-pip-version-check", UV]
    subprocess.run([sys.executable, "-m", "pip", "install", *target], check=True)
    return str(folder / "bin" / "uv")


def link_project() -> None:
    """Make `import civic` and the `civic` command work from this tree, without a build (which would fetch its own tools)."""
    site = next(VENV.glob("lib/python3*/site-packages"))
    (site / "civic.pth").write_text(f"{ROOT}\n")
    script = BIN / "civic"
    # A shell line finds the Python beside it: the first line of a script may hold neither a long path nor a blank.
    script.write_text(
        "#!/bin/sh\n"
        """'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"\n"""
        "' '''\n"
        "import sys\n\nfrom civic.cli import main\n\nsys.exit(main())\n"
    )
    script.chmod(0o755)


def compile_catalogues() -> None:
    """Compile each catalogue that is newer than its compiled form."""
    for po in sorted(CATALOGUES.glob("*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        if not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime:
            fresh = mo.with_suffix(".mo.part")  # a running site must never read half a catalogue
            command = ["compile", "--input-file", str(po), "--output-file", str(fresh), "--locale", po.parent.parent.name]
            ran = subprocess.run([BIN / "pybabel", "--quiet", *command], check=False)
            if ran.returncode or not fresh.exists():
                fresh.unlink(missing_ok=True)
                sys.exit(f"{po.relative_to(ROOT)} does not compile.")
            fresh.replace(mo)


# ---- steps ------------------------------------------------------------------------------------------------------------------
class Steps:
    """Runs one check after the other, prints a line with seconds for each and remembers what failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def command(self, name: str, *command: str | Path, env: dict[str, str] | None = None) -> None:
        """Run a program; its output is shown when it fails."""

        def run() -> str:
            ran = subprocess.run(
                command, check=False, env=env or clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            return "" if ran.returncode == 0 else ran.stdout or f"exit code {ran.returncode}"

        self.call(name, run)

    def call(self, name: str, check: Callable[[], str]) -> None:
        """Run a function that returns what is wrong, or nothing."""
        began = time.monotonic()
        try:
            wrong = check()
        except OSError as failure:
            wrong = str(failure)
        print(f"{'FAIL' if wrong else 'ok':4}  {name:28} {time.monotonic() - began:6.1f} s", flush=True)
        if wrong:
            self.failed.append(name)
            print(wrong.rstrip(), flush=True)

    def finish(self) -> int:
        print(f"Failed: {', '.join(self.failed)}." if self.failed else "All good.", flush=True)
        return 1 if self.failed else 0


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without this machine's settings of Civic."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CIVIC_") or k.startswith(KEPT_SETTINGS)}
    return {**kept, **more}


@contextlib.contextmanager
def empty_site() -> Iterator[dict[str, str]]:
    """Yield the environment of a site with fresh keys and an empty data folder."""
    with tempfile.TemporaryDirectory(prefix="civic-") as folder:
        yield clean_environment(
            CIVIC_DATA_DIR=folder,
            CIVIC_DATABASE_URL=f"sqlite:///{folder}/civic.db",
            CIVIC_SECRET_KEY=secrets.token_urlsafe(48),
            CIVIC_DATA_KEY=secrets.token_urlsafe(48),
        )


def run_checks(steps: Steps) -> None:
    types = threading.Thread(target=steps.command, args=("types", BIN / "mypy"))  # takes as long as all the others together
    types.start()
    steps.command("lint", BIN / "ruff", "check", ".")
    steps.command("format", BIN / "ruff", "format", "--check", ".")
    steps.command("storeys", BIN / "lint-imports")
    steps.call("locks", locks_fault)
    steps.command("catalogues", BIN / "civic", "i18n", "check")
    steps.call("migrations/HEAD", head_fault)
    with empty_site() as site:
        steps.command("migrations go up", BIN / "civic", "db", "upgrade", env=site)
        steps.command("models match migrations", BIN / "civic", "db", "check", env=site)
    types.join()


def locks_fault() -> str:
    """Return which range of pyproject.toml its lock does not satisfy, and any index address that slipped into a lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = project["dependencies"]
    wrong = []
    for name, ranges in {"requirements.txt": runtime, "requirements-dev.txt": runtime + project["optional-dependencies"]["dev"]}.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        pins = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ;]+)", text, re.MULTILINE))
        wrong += [f"{name}: {wish} is wanted, {pins.get(bare_name(wish))} is locked" for wish in ranges if not satisfied(wish, pins)]
        wrong += [f"{name}: holds the address of an index"] if re.search(r"://|--(extra-)?index|--find-links", text) else []
    return "\n".join(wrong)


def bare_name(wish: str) -> str:
    return re.split(r"[\[<>=,; ]", wish, maxsplit=1)[0]


def satisfied(wish: str, pins: dict[str, str]) -> bool:
    """May this pin stand for a range such as `psycopg[binary]>=3.2,<4`?  Only >= and < are used in pyproject.toml."""
    pin = pins.get(bare_name(wish))
    bounds = [(sign, parts(number)) for sign, number in re.findall(r"(>=|<)([0-9.]+)", wish)]
    return pin is not None and all((parts(pin) >= bound) == (sign == ">=") for sign, bound in bounds)


def parts(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", version)]


def head_fault() -> str:
    """Return what is wrong when HEAD does not name the last migration."""
    names = numbered_migrations()
    last, head = (names[-1] if names else ""), HEAD.read_text().strip()
    return "" if head == last else f"migrations/HEAD says {head!r}, the last migration is {last!r}"


def numbered_migrations() -> list[str]:
    return sorted(path.stem for path in VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))


# ---- words ------------------------------------------------------------------------------------------------------------------
def word_run(rest: list[str]) -> int:
    """Bring the demo community up on loopback."""
    ensure("runtime")
    os.execv(BIN / "civic", ["civic", "demo", *rest])


def word_check(rest: list[str]) -> int:
    """Lint, types, storeys, locks, catalogues, schema."""
    argparse.ArgumentParser(prog="dev.py check").parse_args(rest)
    ensure("dev")
    steps = Steps()
    run_checks(steps)
    return steps.finish()


def word_test(rest: list[str]) -> int:
    """All checks and tests; with pytest arguments only the tests that they choose.  --long adds the deep part."""
    long = "--long" in rest or os.environ.get("CIVIC_TEST_LONG") == "1"
    chosen = [word for word in rest if word != "--long"]
    ensure("dev")
    steps = Steps()
    if not chosen:
        run_checks(steps)
    ensure_browser()
    run_tests(steps, chosen, long)
    if chosen:
        print("A part of the tests: the checks did not run and coverage was not judged.")
    if not long:
        name_what_long_covers(steps)
    return steps.finish()


def word_bench(rest: list[str]) -> int:
    """Benchmark programs: dev.py bench [NAME…|--all]."""
    ensure("dev")
    os.execv(PYTHON, [str(PYTHON), "-m", "bench", *rest])


def word_shots(rest: list[str]) -> int:
    """Screenshots of the main pages."""
    ensure("dev")
    ensure_browser()
    os.execv(PYTHON, [str(PYTHON), "-m", "tests.browser.shots", *rest])


def word_i18n(rest: list[str]) -> int:
    """Extract the messages, update and compile the catalogues."""
    argparse.ArgumentParser(prog="dev.py i18n").parse_args(rest)
    ensure("dev")
    template, names = CATALOGUES / "messages.pot", ["--project", "Civic", "--copyright-holder", "The Civic authors"]
    CATALOGUES.mkdir(exist_ok=True)
    keywords = [part for word in KEYWORDS.split() for part in ("-k", word)]
    pybabel("extract", "-F", "babel.cfg", *keywords, *names, "--sort-output", "--no-location", "--width", "200", "-o", str(template), ".")
    how = ["--no-fuzzy-matching", "--ignore-obsolete", "--init-missing", "--width", "200"]
    pybabel("update", "-i", str(template), "-d", str(CATALOGUES), "-D", "messages", "-l", "zh", *how)
    for po in CATALOGUES.glob("*/LC_MESSAGES/messages.po"):
        # A date that changes with every run would make every two branches conflict.
        lines = po.read_text(encoding="utf-8").splitlines(keepends=True)
        po.write_text("".join(line for line in lines if not line.startswith('"POT-Creation-Date')), encoding="utf-8")
    compile_catalogues()
    return 0


def pybabel(*arguments: str) -> None:
    if subprocess.run([BIN / "pybabel", "--quiet", *arguments], check=False).returncode:
        sys.exit(f"pybabel {arguments[0]} failed.")


def word_migration(rest: list[str]) -> int:
    """Write the next numbered migration from the models: dev.py migration "what it does"."""
    parser = argparse.ArgumentParser(prog="dev.py migration")
    parser.add_argument("message", help="what it does, in a few plain words")
    message = parser.parse_args(rest).message
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40].rstrip("_")
    if not slug:
        parser.error("the message needs letters for the file's name")
    ensure("dev")
    before = numbered_migrations()
    number = f"{int(before[-1][:4]) + 1 if before else 1:04}"
    with empty_site() as site:
        old = set(VERSIONS.glob("*.py"))
        commands = [["upgrade"]] if before else []
        for command in [*commands, ["revision", "--autogenerate", "--rev-id", number, "-m", message]]:
            if subprocess.run([BIN / "civic", "db", *command], check=False, env=site).returncode:
                return 1
    new = set(VERSIONS.glob("*.py")) - old
    if len(new) != 1:
        sys.exit(f"Expected one new file in {VERSIONS.relative_to(ROOT)}, found {len(new)}.")
    path = new.pop().rename(VERSIONS / f"{number}_{slug}.py")
    HEAD.write_text(f"{path.stem}\n")
    subprocess.run([BIN / "ruff", "format", "--quiet", path], check=False)
    print(f"{path.relative_to(ROOT)} — read it, it is a draft.")
    return 0


# ---- tests ------------------------------------------------------------------------------------------------------------------
def run_tests(steps: Steps, chosen: list[str], long: bool) -> None:
    """Run pytest, then judge skips and, for the whole suite, the coverage of the laws."""
    with tempfile.TemporaryDirectory(prefix="civic-") as folder:
        report = Path(folder) / "tests.xml"
        command: list[str | Path] = [PYTHON, "-m", "pytest", f"--junitxml={report}", *([] if long else ["-m", "not long and not again"])]
        if chosen:  # a few tests are done before the workers of the whole suite would have started
            command += chosen
        else:
            command += ["-n", str(max(2, os.cpu_count() or 2)), "--dist", "worksteal", "--cov", "--cov-report="]
        steps.call("tests", lambda: failed_code(command, clean_environment(CIVIC_TEST_LONG="1" if long else "")))
        steps.call("nothing skipped", lambda: skips_fault(report))
    if not chosen:
        coverage: list[str | Path] = [BIN / "coverage", "report", f"--include={LAWS}", f"--fail-under={LAWS_PERCENT}"]
        steps.command(f"branch coverage of laws {LAWS_PERCENT} %", *coverage)


def failed_code(command: list[str | Path], env: dict[str, str]) -> str:
    """Run a program whose output is watched as it comes; return what its exit code says, or nothing for 0."""
    code = subprocess.run(command, check=False, env=env).returncode
    return f"it ended with exit code {code}" if code else ""


def skips_fault(report: Path) -> str:
    """Return the tests that were skipped (or expected to fail) for a reason that is not allowed."""
    if not report.exists():
        return "pytest left no report"
    wrong = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it a moment ago
        for skipped in case.iter("skipped"):
            reason = skipped.get("message") or ""
            if not any(re.search(allowed, reason) for allowed in ALLOWED_SKIPS):
                wrong.append(f"{case.get('classname')}::{case.get('name')}: {reason}")
    return "\n".join(wrong)


def name_what_long_covers(steps: Steps) -> None:
    """Print what only `--long` runs: by the first line of each such test's docstring, else its name as a sentence."""
    command: list[str | Path] = [PYTHON, "-m", "pytest", "--collect-only", "-q", "-m", "long", "-p", "no:cacheprovider", "-p", "no:xdist"]
    ran = subprocess.run(command, check=False, env=clean_environment(CIVIC_TEST_LONG="1"), capture_output=True, text=True)
    steps.call("tests collect", lambda: "" if ran.returncode in {0, 5} else ran.stdout + ran.stderr)  # 5: none is marked
    found = dict.fromkeys(line.partition("[")[0].strip() for line in ran.stdout.splitlines() if re.match(r"tests/\S+\.py::", line))
    print("Only `python3 dev.py test --long` covers:")
    for line in [*ONLY_LONG, *map(title_of, found)]:
        print(f"  - {line}")


def title_of(node: str) -> str:
    """Return the docstring's first line of a test, else its name as a sentence.  node: `tests/x/test_y.py::Class::test_z`."""
    path, *names = node.split("::")
    scope: ast.AST | None = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for name in names:
        inside = ast.walk(scope) if scope else ()
        kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        scope = next((part for part in inside if isinstance(part, kinds) and part.name == name), None)
    text = ast.get_docstring(scope) if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else None
    return text.splitlines()[0] if text else names[-1].removeprefix("test_").replace("_", " ")


def ensure_browser() -> None:
    """Install Chromium and a font with Chinese glyphs when they are missing and it may; else stop with the line to type."""
    missing = [name for name, there in zip(PACKAGES, (browser_is_there(), font_is_there()), strict=True) if not there]
    if not missing:
        return
    line = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            f"The browser tests need {' and '.join(missing)}. Type: sudo {' '.join(line)}\n(or set CIVIC_CHROMIUM to a browser of your own)"
        )
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], line):
        if subprocess.run(command, check=False, env=env).returncode:
            sys.exit(f"The browser tests need {' and '.join(missing)}, and this failed: {' '.join(command)}")


def browser_is_there() -> bool:
    given = os.environ.get("CIVIC_CHROMIUM")
    return os.access(given, os.X_OK) if given else any(map(shutil.which, BROWSERS))


def font_is_there() -> bool:
    if CJK_FONT.exists():
        return True
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh"], check=False, capture_output=True).stdout.strip())


WORDS: dict[str, Callable[[list[str]], int]] = {
    "run": word_run,
    "test": word_test,
    "check": word_check,
    "bench": word_bench,
    "shots": word_shots,
    "i18n": word_i18n,
    "migration": word_migration,
}


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    if not arguments or arguments[0] not in WORDS:
        asked = bool(arguments) and arguments[0] in {"-h", "--help", "help"}
        lines = [f"  {word:10} {(does.__doc__ or '').splitlines()[0]}" for word, does in WORDS.items()]
        print("\n".join(["usage: python3 dev.py WORD [arguments]", *lines]), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    return WORDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
