"""A refusal is put at its field before the page is drawn: `return page(form), refuse(form, no)` would draw a page without the reason."""

from __future__ import annotations

import ast

from tests.support.tree import parsed, python


def late_refusals(tree: ast.AST) -> list[int]:
    """Lines of tuples in which something is called before `refuse(…)`: Python works from left to right."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            calls = [isinstance(each, ast.Call) and ast.unparse(each.func) for each in node.elts]
            if "refuse" in calls and any(calls[: calls.index("refuse")]):
                found.append(node.lineno)
    return found


def test_no_page_is_drawn_before_its_refusal_is_known():
    assert [f"{name}:{line}" for name, path in python("civic") for line in late_refusals(parsed(path))] == []


def test_the_guard_tells_early_from_late():
    assert late_refusals(ast.parse("def f():\n return page(form), refuse(form, no)")) == [2]
    assert late_refusals(ast.parse("def f():\n status = refuse(form, no)\n return page(form), status")) == []
