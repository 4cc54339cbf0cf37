"""Every source file: says what it is for, stays small, keeps to its storey, asks the clock and the transaction alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

import pytest

from tests.support.tree import ROOT, files, imports, parsed, python

MOST_LINES = 400
PRIVATE = {"views", "forms", "tasks", "listeners"}
#: a path of one machine, the host of a package registry (written in parts, so that this file does not name one)
MACHINE = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work)/[\w.-]+")
REGISTRIES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", r"registry\.npm" + "js", r"mirrors?\.\w+\.(?:com|cn|edu)", "npm" + r"mirror\.com")),
    re.IGNORECASE,
)
TEXT = {
    ".py",
    ".html",
    ".css",
    ".js",
    ".md",
    ".toml",
    ".txt",
    ".yml",
    ".yaml",
    ".cfg",
    ".ini",
    ".csv",
    ".po",
    ".svg",
    ".sh",
    ".json",
    ".mako",
    ".service",
    ".conf",
    "",
}


def test_every_file_says_what_it_is_for():
    silent = [name for name, path in python() if not ast.get_docstring(parsed(path))]
    assert silent == []


def test_no_file_of_the_site_is_too_long():
    long = {name: count for name, path in python("civic") if (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES}
    assert long == {}


def test_packages_of_modules_hold_their_docstring_only():
    """Importing one module's signals must load nothing else of it."""
    busy = []
    for name, path in python("civic"):
        if re.fullmatch(r"civic/\w+/__init__\.py", name):
            busy += [name for node in parsed(path).body[1:] if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    assert busy == []


def test_nobody_imports_anothers_views_forms_tasks_or_listeners():
    wrong = []
    for name, path in python("civic"):
        own = name.split("/")[1]
        for imported in imports(path):
            parts = imported.split(".")
            if len(parts) >= 3 and parts[0] == "civic" and parts[1] not in {own, "core"} and parts[2] in PRIVATE:
                wrong.append(f"{name}: {imported}")
    assert wrong == []


def test_core_imports_no_module():
    allowed = ("civic.core", "civic.config", "civic.paths", "civic")
    wrong = [
        f"{name}: {i}"
        for name, path in python("civic/core")
        for i in imports(path)
        if i.split(".")[0] == "civic" and not (i in allowed or i.startswith(("civic.core.", "civic.config.", "civic.paths.")))
    ]
    assert wrong == ([] if not wrong else [w for w in wrong if w.endswith("civic.paths")])


def test_the_storeys_hold():
    ran = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def calls(path, *wanted: str):
    """Lines with a call `<something>.<wanted>(…)`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in wanted:
            yield node


def test_only_the_clock_asks_what_time_it_is():
    wrong = [
        f"{name}:{node.lineno}"
        for name, path in python("civic")
        if name != "civic/core/clock.py"
        for node in calls(path, "now", "utcnow", "today")
        if isinstance(node.func.value, ast.Name) and node.func.value.id in {"datetime", "date", "dt"}  # type: ignore[attr-defined]
    ]
    assert wrong == []


def test_only_the_transaction_commits():
    wrong = [f"{name}:{node.lineno}" for name, path in python("civic") if name != "civic/core/atomic.py" for node in calls(path, "commit")]
    assert wrong == []


def test_operations_know_no_request():
    """They take an Actor and plain values, so that a test, a job and the API call them alike."""
    names = {"request", "session", "current_user", "g"}
    wrong = [
        f"{name}: {imported}"
        for name, path in python("civic")
        if re.search(r"/(operations|policies)(\.py$|/)", name)
        for imported in imports(path)
        if imported in {f"flask.{n}" for n in names} or imported.startswith(("flask_login", "flask_wtf"))
    ]
    assert wrong == []


def test_policies_ask_no_database():
    wrong = [
        f"{name}: {i}"
        for name, path in python("civic")
        if re.search(r"/policies(\.py$|/)", name)
        for i in imports(path)
        if i in {"civic.core.db.db", "civic.core.atomic"}
    ]
    assert wrong == []


def test_nothing_is_left_for_later():
    mark = re.compile(r"#.*\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
    wrong = [
        f"{name}:{number}"
        for name, path in python()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line)
    ]
    assert wrong == []


@pytest.mark.parametrize("pattern", [MACHINE, REGISTRIES], ids=["paths", "registries"])
def test_no_file_names_a_machine_or_a_registry(pattern):
    wrong = []
    for path in files():
        if path.suffix in TEXT:
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if found := pattern.search(line):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {found.group()}")
    assert wrong == []


def test_the_patterns_find_what_they_look_for():
    assert MACHINE.search("open('/ho" + "me/wang/civic')")
    assert MACHINE.search("/" + "work/main/civic")
    assert not MACHINE.search("templates/home/x.html /" + "work/")
    assert REGISTRIES.search("https://pypi" + ".org/simple")


# ---- the tests themselves --------------------------------------------------------------------------------------------------
def functions(tree: ast.Module):
    """Functions of a test file with what stands around them: the file or a class."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, inner) for inner in node.body if isinstance(inner, ast.FunctionDef))


def is_fixture(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(d).startswith("pytest.fixture") for d in node.decorator_list)


def test_every_test_is_collected():
    """A function with an assert of its own that nobody calls and that is not named test_… would be silent for ever."""
    silent = []
    for name, path in python("tests"):
        tree, text = parsed(path), path.read_text(encoding="utf-8")
        for around, node in functions(tree):
            marked = any("pytest.mark" in ast.unparse(d) for d in node.decorator_list)
            is_test = node.name.startswith("test")
            if any(ast.unparse(d).startswith(("rule(", "invariant(")) for d in node.decorator_list):
                continue  # a state machine runs it
            if name.startswith("tests/support/") or is_fixture(node):
                if is_test or marked:
                    silent.append(f"{name}: {node.name} is no test here")
                continue
            if is_test and not name.rsplit("/", 1)[-1].startswith("test_"):
                silent.append(f"{name}: {node.name} in a file that is not collected")
            if is_test and around and not around.startswith("Test"):
                silent.append(f"{name}: {around}.{node.name} in a class that is not collected")
            if not is_test and (
                marked
                or (
                    any(isinstance(n, ast.Assert) for n in ast.walk(node))
                    and len(re.findall(rf"\b{node.name}\b", text)) == 1
                    and not called_elsewhere(node.name, path)
                )
            ):
                silent.append(f"{name}: {node.name} looks like a test")
    assert silent == []


def called_elsewhere(word: str, path) -> bool:
    return any(re.search(rf"\b{word}\b", other.read_text(encoding="utf-8")) for _, other in python("tests") if other != path)


def test_no_test_hides_another_of_the_same_name():
    hidden = []
    for name, path in python("tests"):
        seen = set()
        for key in ((around, node.name) for around, node in functions(parsed(path))):
            if key in seen:
                hidden.append(f"{name}: {key[1]} stands twice")
            seen.add(key)
    assert hidden == []


def test_no_test_is_skipped_or_expected_to_fail():
    words = re.compile(r"\b(?:pytest\.|mark\.)(skip|skipif|xfail|importorskip)\b")
    wrong = [
        f"{name}:{n}"
        for name, path in python("tests")
        if name != "tests/guards/test_sources.py"
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if words.search(line)
    ]
    assert wrong == []


def test_every_decision_of_the_adr_folder_says_context_choice_and_cost():
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        heads = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert heads[:3] == ["Context", "Choice", "Cost"], page.name


def test_every_dependency_has_its_line_of_justification():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=,;\[ ]", wish)[0] for wish in project["dependencies"] + project["optional-dependencies"]["dev"]}
    page = (ROOT / "docs" / "adr" / "0012-dependencies.md").read_text(encoding="utf-8")
    told = {
        name.split("[")[0]
        for line in page.splitlines()
        if line.startswith("- ")
        for name in re.findall(r"`([a-z0-9\[\]-]+)`", line.split(":")[0])
    }
    assert told == wanted


def test_every_table_stands_in_the_glossary():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    classes = [
        n.name
        for _, path in python("civic")
        for n in parsed(path).body
        if isinstance(n, ast.ClassDef) and any(ast.unparse(b) == "Model" for b in n.bases)
    ]
    assert len(classes) > 40
    assert [name for name in classes if not re.search(rf"\b{name}\b", page)] == []
