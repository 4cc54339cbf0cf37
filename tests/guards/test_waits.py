"""Journeys wait for a page before they count what stands on it.

`expect(…)` looks again until it holds; `count()`, `all_inner_texts()` and the like look once.  Directly after a click the next page has
begun and may still be empty, so that such a test fails on a busy machine one time in a hundred: something of the new page is expected first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.guards.test_sources import parsed, python

ACTS = {"click", "dblclick", "tap", "press", "check", "uncheck", "select_option"}
LOOKS_ONCE = {"count", "all", "all_inner_texts", "all_text_contents", "is_visible", "is_hidden", "content", "title", "evaluate_all"}
WAITS = {"goto", "reload", "go_back", "expect", "wait_for", "wait_for_url", "wait_for_selector", "wait_for_function", "wait_for_load_state"}
#: the address is there before the page is
ADDRESS_ONLY = {"to_have_url"}


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def in_order(node: ast.AST) -> Iterator[ast.Call]:
    """The calls below a node as they happen; that of a `with` once more at its end, where it waits."""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        return
    for inner in ast.iter_child_nodes(node):
        yield from in_order(inner)
    if isinstance(node, ast.With):
        yield from (item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call))
    if isinstance(node, ast.Call):
        yield node


def hasty(body: list[ast.stmt], helpers: dict[str, list[ast.stmt]], acted: bool = False) -> tuple[list[int], bool]:
    """Lines that look once while the last act may still be going on, and whether the body ends so."""
    lines = []
    for call in (call for statement in body for call in in_order(statement)):
        name = called(call)
        if isinstance(call.func, ast.Name) and name in helpers:
            others = {other: its for other, its in helpers.items() if other != name}
            acted = hasty(helpers[name], others, acted)[1]
        elif name in ACTS or name in ADDRESS_ONLY:
            acted = True
        elif name in WAITS or name.startswith("expect_"):
            acted = False
        elif name in LOOKS_ONCE and isinstance(call.func, ast.Attribute) and not call.args and acted:
            lines.append(call.lineno)
    return lines, acted


def test_no_journey_counts_what_stands_on_a_page_before_it_waited_for_it():
    trees = {name: parsed(path) for name, path in python("tests") if name.startswith("tests/browser/")}
    functions = {name: [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] for name, tree in trees.items()}
    shared = {node.name: node.body for name, found in functions.items() if "/test_" not in name for node in found}
    assert "sign_in" in shared
    wrong = []
    for name, found in functions.items():
        helpers = {**shared, **{node.name: node.body for node in found if not node.name.startswith("test_")}}
        wrong += [f"{name}:{line}" for node in found if node.name.startswith("test_") for line in hasty(node.body, helpers)[0]]
    assert wrong == []


def test_the_guard_sees_what_it_looks_for():
    helpers = {
        "hand_in": ast.parse("page.goto(x)\npage.click()").body,
        "walk": ast.parse("with page.expect_navigation():\n    page.press()").body,
    }

    def seen(text: str) -> list[int]:
        return hasty(ast.parse(text).body, helpers)[0]

    assert seen("hand_in(page)\nassert rows.count() == 0") == [2]
    assert seen("button.click()\nexpect(page).to_have_url(x)\nassert rows.count() == 0") == [3]
    assert seen("button.click()\nexpect(rows).to_have_count(0)\nassert rows.count() == 0") == []
    assert seen("walk(page)\nassert rows.count() == 0") == []
    assert seen("page.goto(x)\nassert rows.count() == 0\nbutton.click()") == []
