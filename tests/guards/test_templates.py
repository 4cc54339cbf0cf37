"""Templates: each compiles, is used, finds what it imports, escapes everything, and fetches nothing from elsewhere."""

from __future__ import annotations

import re
from functools import cache

import pytest
from jinja2 import nodes

from civic import paths
from civic.app import create_app
from tests.conftest import settings_for
from tests.support.tree import ROOT, python

#: chosen by a name made at run time (core/web/errors.py: errors/<status>.html)
BY_NAME = re.compile(r"errors/(\d{3}|refused)\.html")
ELSEWHERE = re.compile(r"""(?:src|href|action|url)\s*[=(]\s*["']?\s*(?:https?:)?//(?!www\.w3\.org)""", re.IGNORECASE)
FOREIGN = re.compile(r"https?://(?!www\.w3\.org/|127\.0\.0\.1|localhost)[\w.-]+")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    return create_app(settings_for(f"sqlite:///{folder / 'x.db'}", folder)).jinja_env


@cache
def names() -> list[str]:
    return sorted(p.relative_to(paths.TEMPLATES).as_posix() for p in paths.TEMPLATES.rglob("*") if p.is_file())


@cache
def tree_of(environment, name: str) -> nodes.Template:
    """Read by the tests, changed by none."""
    return environment.parse((paths.TEMPLATES / name).read_text(encoding="utf-8"), name)


def test_every_template_compiles(environment):
    for name in names():
        environment.get_template(name)


def test_every_template_is_used(environment):
    code = "\n".join(path.read_text(encoding="utf-8") for _, path in python("civic"))
    named = set(re.findall(r'"([\w/.-]+\.(?:html|txt|xml))"', code))
    letters = set(re.findall(r'"([a-z_]+/[a-z_]+)"', code))  # core/messages adds folder and ending: "accounts/confirm"
    named |= {f"mail/{letter}{ending}" for letter in letters for ending in (".txt", ".short.txt")}
    for name in names():
        for node in tree_of(environment, name).find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            if isinstance(node.template, nodes.Const):
                named.add(node.template.value)
    assert [name for name in names() if name not in named and not BY_NAME.fullmatch(name)] == []


def test_every_template_that_is_named_exists(environment):
    code = "\n".join(path.read_text(encoding="utf-8") for _, path in python("civic"))
    known = set(names())
    named = {n for n in re.findall(r'"([a-z_]+/[\w/.-]+\.html)"', code) if "{" not in n}
    assert named - known == set()


def test_every_import_exists(environment):
    missing = []
    for name in names():
        tree = tree_of(environment, name)
        for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import)):
            if isinstance(node.template, nodes.Const) and node.template.value not in names():
                missing += [f"{name}: {node.template.value}"]
        for node in tree.find_all(nodes.FromImport):
            target = tree_of(environment, node.template.value)
            offered = {m.name for m in target.find_all(nodes.Macro)} | {
                n.name for a in target.find_all(nodes.Assign) for n in [a.target] if isinstance(n, nodes.Name)
            }
            wanted = [entry[0] if isinstance(entry, tuple) else entry for entry in node.names]
            missing += [f"{name}: {each} from {node.template.value}" for each in wanted if each not in offered]
    assert missing == []


def test_what_is_imported_is_used(environment):
    idle = []
    for name in names():
        tree = tree_of(environment, name)
        used = {n.name for n in tree.find_all(nodes.Name)}
        for node in tree.find_all(nodes.FromImport):
            idle += [f"{name}: {local}" for entry in node.names if (local := entry[1] if isinstance(entry, tuple) else entry) not in used]
    assert idle == []


def test_nothing_goes_round_the_escaping(environment):
    wrong = []
    for name in names():
        text = (paths.TEMPLATES / name).read_text(encoding="utf-8")
        tree = tree_of(environment, name)
        wrong += [name for f in tree.find_all(nodes.Filter) if f.name == "safe"]
        wrong += [name for _ in tree.find_all((nodes.MarkSafe,))]
        wrong += [name for word in ("autoescape",) if word in text]
    assert wrong == []


def test_markup_is_made_of_constants_only():
    """`Markup(f"…")` or `Markup(a + b)` would trust what somebody typed."""
    wrong = [
        f"{name}: {line.strip()}"
        for name, path in python("civic")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bMarkup\((?!['\"]|\)|r['\"])", line)
    ]
    assert wrong == []


def test_every_filter_test_and_global_is_known(environment):
    wrong = []
    for name in names():
        tree = tree_of(environment, name)
        wrong += [f"{name}: |{f.name}" for f in tree.find_all(nodes.Filter) if f.name not in environment.filters]
        wrong += [f"{name}: is {t.name}" for t in tree.find_all(nodes.Test) if t.name not in environment.tests]
    assert wrong == []


def test_pages_and_static_files_fetch_nothing_from_elsewhere():
    wrong = []
    for folder in (paths.TEMPLATES, paths.STATIC):
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".html", ".css", ".js", ".svg", ".json", ".webmanifest", ".txt", ".xml"}:
                for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                    if found := (FOREIGN.search(line) or ELSEWHERE.search(line)):
                        wrong.append(f"{path.relative_to(ROOT)}:{number}: {found.group()}")
    assert wrong == []


def test_no_page_has_code_or_style_of_its_own():
    wrong = []
    for name in names():
        text = re.sub(r"\{#.*?#\}", "", (paths.TEMPLATES / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        wrong += [f"{name}: {found}" for found in re.findall(r"<style\b|\sstyle=\"|\son[a-z]+=\"|javascript:|<script(?![^>]*\bsrc=)", text)]
    assert wrong == []


def test_every_form_that_writes_carries_its_token():
    """By the macro `form_frame`, by `hidden_tag`, or by name."""
    wrong = []
    for name in names():
        text = re.sub(r"\{#.*?#\}", "", (paths.TEMPLATES / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, re.DOTALL | re.IGNORECASE)
        wrong += [name for form in forms if not re.search(r"hidden_tag\(\)|csrf_token", form)]
    assert wrong == []
