"""The results as a page that stands alone: for every figure a bar, its bound beside it, a line where it should reach."""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, BAR, GAP = 560, 18, 6
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2724;background:#fff}"
    "h2{font-size:1.1rem;margin:2rem 0 .3rem}svg{display:block;max-width:100%;height:auto}.s{color:#566}.bad{color:#a3231b}.good{color:#14603f}"
    "ul{margin:.2rem 0;padding-left:1.2rem}li{overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#141b19;color:#e3ebe8}.s{color:#9fb0aa}.bad{color:#ff9d94}.good{color:#7fd4ac}}"
)


def page_of(result: dict[str, Any]) -> str:
    where, settings = result["machine"], result["settings"]
    facts = [
        f"{result['date']}, commit {result['commit']}{', with changes' if result['changed'] else ''}",
        f"{where['processor']}, {where['cores']} cores, {where['memory_mib']:,} MiB, {where['system']}, kernel {where['kernel']}, load before {where['load_before']}",
        f"{settings['workers']} workers, {settings['warm_up']} s warm-up, {settings['measured']} s measured, {settings['rounds']} rounds, medians",
        ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
    ]
    parts = [f"<li>{escape(fact)}</li>" for fact in facts]
    body = "\n".join(section(figure) for figure in result["figures"])
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Civic: speed on {escape(result['date'][:10])}</title><style>{STYLE}</style></head>\n<body>\n"
        f'<h1>Civic: speed on {escape(result["date"][:10])}</h1>\n<ul class="s">{"".join(parts)}</ul>\n{body}\n</body>\n</html>\n'
    )


def section(figure: dict[str, Any]) -> str:
    verdict = "" if figure["met"] is None else ' <span class="good">met</span>' if figure["met"] else ' <span class="bad">missed</span>'
    share = f", {figure['share']:.1%} of {escape(figure['bound_name'])}" if figure["share"] is not None else ""
    spread = f", spread {figure['spread']:.0%}" if figure["bound"] is not None or figure["spread"] else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in figure["notes"])
    return (
        f"<h2>{escape(figure['title'])}{verdict}</h2>\n<p>{figure['value']:,.1f} {escape(figure['unit'])}{share}{spread}</p>\n{bars(figure)}\n"
        f'<p class="s">{escape(figure["data"])}</p>\n<ul class="s">{notes}</ul>'
    )


def bars(figure: dict[str, Any]) -> str:
    """One bar for the figure, one for the bound or the limit, and where the figure should reach."""
    value, bound, wanted = figure["value"], figure["bound"], figure["wanted"] or {}
    goal = bound * wanted["at_least"] if bound and "at_least" in wanted else wanted.get("at_most")
    rows = [(figure["name"], value, "#1d7a5a")]
    if bound:
        rows.append((figure["bound_name"], bound, "#8a9a94"))
    elif goal:
        rows.append(("at most", goal, "#8a9a94"))
    longest = max(amount for _, amount, _ in rows) or 1
    height = len(rows) * (BAR + GAP) + GAP
    drawn = []
    for number, (name, amount, colour) in enumerate(rows):
        top, length = GAP + number * (BAR + GAP), amount / longest * WIDTH
        drawn.append(f'<rect x="150" y="{top}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>')
        drawn.append(f'<text x="144" y="{top + 14}" text-anchor="end" font-size="13" fill="currentColor">{escape(name)}</text>')
        drawn.append(f'<text x="{156 + length:.1f}" y="{top + 14}" font-size="13" fill="currentColor">{amount:,.1f}</text>')
    if bound and goal:
        at = 150 + goal / longest * WIDTH
        drawn.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}" stroke="#c4532f" stroke-width="2" stroke-dasharray="4 3"/>')
    label = escape(f"{figure['title']}: " + ", ".join(f"{name} {amount:,.1f}" for name, amount, _ in rows))
    return f'<svg viewBox="0 0 {WIDTH + 250} {height}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
