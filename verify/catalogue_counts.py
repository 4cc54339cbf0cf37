"""Check the reference catalogue in data/catalogue: counts, codes, cross-references, limits; standard library only.

    python3 verify/catalogue_counts.py [FOLDER]        from any folder; FOLDER holds the same seven files
Prints the counts and OK, or FAILED and every fault; exits 0 or 1.
"""

import collections
import csv
import pathlib
import re
import sys

HERE = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent / "data" / "catalogue"
CATEGORIES = {
    "基础设施": 9,
    "城市管理": 48,
    "环境保护": 3,
    "社会治安": 9,
    "平安建设": 13,
    "消防安全": 2,
    "矛盾纠纷调处": 3,
    "特殊人群服务": 3,
    "来穗人员服务管理": 6,
    "计生服务": 18,
    "重点保障对象": 62,
}
# file: (rows, key columns that must be distinct, columns that may be empty, exact header)
FILES = {
    "service_items.csv": (
        78,
        "code name_zh name_en",
        "legal_basis tolerable_materials",
        (
            "code name_zh name_en department_code department_zh department_en category_zh category_en legal_basis legal_limit limit_unit "
            "legal_limit_source legal_limit_text_zh legal_limit_text_en promised_limit promised_unit materials tolerable_materials channel "
            "fee_zh fee_en target_group_zh target_group_en handling_type onsite_visits result_zh result_en proxy_allowed"
        ),
    ),
    "grid_items.csv": (
        176,
        "code name_zh name_en",
        "legal_basis",
        (
            "code name_zh name_en category_zh category_en kind assigning_body_code assigning_body_zh undertaking_body_code undertaking_body_zh "
            "legal_basis lead_department_code lead_department_zh flow_code grid_member_duty_zh grid_member_duty_en handle_limit limit_unit "
            "cycle_days disclosure"
        ),
    ),
    "categories.csv": (11, "code name_zh name_en", "", "code name_zh name_en expected_count"),
    "bodies.csv": (69, "code name_zh name_en", "parent_code", "code name_zh name_en parent_code level"),
    "materials.csv": (157, "code name_zh name_en", "", "code name_zh name_en"),
    "flows.csv": (10, "code name_zh name_en", "", "code name_zh name_en steps_zh steps_en items"),
    "legal_sources.csv": (
        108,
        "name_zh law_en",
        "note_zh note_en",
        "name_zh law_en level_zh level_en used_by_items checked_in_source note_zh note_en",
    ),
}
ENUMS = {
    ("service_items.csv", "limit_unit"): "working_day calendar_day",
    ("service_items.csv", "promised_unit"): "working_day calendar_day",
    ("service_items.csv", "legal_limit_source"): "statute reference",
    ("service_items.csv", "handling_type"): "on_spot within_limit",
    ("service_items.csv", "proxy_allowed"): "true false",
    ("service_items.csv", "onsite_visits"): "0 1",
    ("grid_items.csv", "kind"): "event component person_service",
    ("grid_items.csv", "limit_unit"): "hour working_hour working_day",
    ("grid_items.csv", "disclosure"): "public personal restricted",
    ("bodies.csv", "level"): "district town village other",
    ("legal_sources.csv", "checked_in_source"): "yes no",
}
CHANNELS = ["counter", "online", "kiosk", "home_visit", "phone"]
NUMBERS = {
    ("service_items.csv", "legal_limit"): 1,
    ("service_items.csv", "promised_limit"): 0,
    ("grid_items.csv", "handle_limit"): 1,
    ("grid_items.csv", "cycle_days"): 1,
    ("categories.csv", "expected_count"): 1,
    ("flows.csv", "items"): 1,
    ("legal_sources.csv", "used_by_items"): 1,
}
CODES = {
    "service_items.csv": r"SI-[A-Z]{2}-\d{3}",
    "grid_items.csv": r"GI-\d{2}-\d{3}",
    "categories.csv": r"\d{2}",
    "bodies.csv": r"B(-(T|V|O|DEPT))?-[A-Z]{2,4}",
    "materials.csv": r"M-\d{3}",
    "flows.csv": r"F\d{1,2}",
}
REFERENCE_TEXT = ("参考时限，非法定", "reference limit, not set by law")
HAN = re.compile("[\u3400-\u9fff]")
FOREIGN = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
bad = []


def parts(text):
    return text.split(";") if text else []


def load(name):
    """The rows of one file as dictionaries; empty when the file cannot be read or its header differs."""
    rows, keys, _, header = FILES[name]
    header = header.split()
    try:
        raw = (HERE / name).read_bytes()
        table = list(csv.reader(raw.decode("utf-8").splitlines(keepends=True), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        bad.append(f"{name}: {fault}")
        return []
    if raw.startswith(b"\xef\xbb\xbf") or b"\r" in raw or not raw.endswith(b"\n"):
        bad.append(f"{name}: must be UTF-8 without BOM, LF, with a last line end")
    if not table or table[0] != header:
        bad.append(f"{name}: header is {table[0] if table else None}")
        return []
    bad.extend(f"{name}: row {line} has {len(row)} fields" for line, row in enumerate(table[1:], 2) if len(row) != len(header))
    data = [dict(zip(header, row, strict=True)) for row in table[1:] if len(row) == len(header)]
    if len(data) != rows:
        bad.append(f"{name}: {len(data)} rows, expected {rows}")
    for key in keys.split():
        twice = [k for k, n in collections.Counter(r[key] for r in data).items() if n > 1]
        if twice:
            bad.append(f"{name}: duplicate {key} {twice}")
    for r in data:
        check_row(name, r)
    return data


def check_row(name, r):
    """The form of the code and of each field of one row."""
    who = f"{name} {r.get('code') or r['name_zh']}"
    if name in CODES and not re.fullmatch(CODES[name], r["code"]):
        bad.append(f"{who}: form of the code")
    for k, v in r.items():
        if v != v.strip():
            bad.append(f"{who}: spaces around {k}")
        if v:
            check_field(name, who, k, v)
        elif k not in FILES[name][2].split():
            bad.append(f"{who}: empty {k}")


def check_field(name, who, k, v):
    """Language, set of values and number of one field that is not empty."""
    if k.endswith("_zh") and not HAN.search(v):
        bad.append(f"{who}: no Chinese in {k}")
    if k.endswith("_en") and (FOREIGN.search(v) or not re.search("[A-Za-z]", v)):
        bad.append(f"{who}: no clean English in {k}")
    if (name, k) in ENUMS and v not in ENUMS[name, k].split():
        bad.append(f"{who}: {k} is {v!r}")
    if (name, k) in NUMBERS and not (re.fullmatch(r"0|[1-9]\d*", v) and int(v) >= NUMBERS[name, k]):
        bad.append(f"{who}: {k} is {v!r}")


def longest_span(days):
    """Most calendar days that so many working days take in weeks without holidays: 3 -> 5, 8 -> 12."""
    return days + 2 * -(-days // 5)


def main():
    """Check all files and print what was found; the exit code."""
    lists = {name.removesuffix(".csv"): load(name) for name in FILES}
    if not bad:
        for check in (check_categories, check_bodies, check_services, check_grid, check_flows, check_laws):
            check(lists)
    if bad:
        print("FAILED", *bad, sep="\n")
        return 1
    services, grid, bodies = lists["service_items"], lists["grid_items"], lists["bodies"]
    print("service_items:", len(services), counts(services, "department_code"))
    print("grid_items:", len(grid), "in", len(lists["categories"]), "categories", [CATEGORIES[c["name_zh"]] for c in lists["categories"]])
    print("kinds:", counts(grid, "kind"), "disclosure:", counts(grid, "disclosure"))
    print("bodies:", len(bodies), counts(bodies, "level"), *(f"{k}: {len(lists[k])}" for k in ("materials", "flows", "legal_sources")))
    print("limits:", dict(collections.Counter(f"{r['legal_limit_source']} {r['limit_unit']}" for r in services)))
    print("empty legal_basis:", [r["code"] for r in services + grid if not r["legal_basis"]])
    print("OK")
    return 0


def counts(rows, key):
    return dict(collections.Counter(r[key] for r in rows))


def by(rows, key="code"):
    return {r[key]: r for r in rows}


def check_categories(lists):
    """The 11 categories have their counts; no name stands in both item files; a category has one English name."""
    services, grid = lists["service_items"], lists["grid_items"]
    if {c["name_zh"]: int(c["expected_count"]) for c in lists["categories"]} != CATEGORIES:
        bad.append("categories.csv: names or expected counts differ")
    if counts(grid, "category_zh") != CATEGORIES:
        bad.append(f"grid_items.csv: counts by category differ {counts(grid, 'category_zh')}")
    same = {r[k] for r in services for k in ("name_zh", "name_en")} & {r[k] for r in grid for k in ("name_zh", "name_en")}
    if same:
        bad.append(f"same name in both item files: {same}")
    if len({(r["category_zh"], r["category_en"]) for r in services}) != len({r["category_zh"] for r in services}):
        bad.append("service_items.csv: one category has two English names")


def check_bodies(lists):
    """Every parent is known, not of a lower level, and no chain of parents is a circle."""
    body, rank = by(lists["bodies"]), {"district": 0, "town": 1, "village": 2, "other": 3}
    for code in body:
        chain, up = [code], body[code]["parent_code"]
        while up:
            if up not in body or up in chain:
                bad.append(f"bodies.csv {code}: parent {up} unknown or circular")
                break
            if rank[body[up]["level"]] > rank[body[chain[-1]]["level"]]:
                bad.append(f"bodies.csv {chain[-1]}: parent {up} is of a lower level")
            chain.append(up)
            up = body[up]["parent_code"]


def check_services(lists):
    """Departments, materials, channels and limits of the 78 items; every material is used."""
    body, material = by(lists["bodies"]), by(lists["materials"])
    for r in lists["service_items"]:
        who = r["code"]
        mine, tolerable, channels = parts(r["materials"]), parts(r["tolerable_materials"]), parts(r["channel"])
        dept = body.get(r["department_code"])
        if not dept or (dept["name_zh"], dept["name_en"]) != (r["department_zh"], r["department_en"]):
            bad.append(f"{who}: department {r['department_code']} unknown or named differently")
        bad.extend(f"{who}: material {m} unknown" for m in mine + tolerable if m not in material)
        if len(set(mine)) != len(mine) or not set(tolerable) <= set(mine):
            bad.append(f"{who}: material repeated, or tolerable material not in the list")
        if channels != [c for c in CHANNELS if c in channels]:
            bad.append(f"{who}: channel {r['channel']}")
        check_limits(who, r)
    used = {m for r in lists["service_items"] for m in parts(r["materials"])}
    if used != set(material):
        bad.append(f"materials.csv: unused {set(material) - used}")


def check_limits(who, r):
    """A promise ends within the legal limit; the words fit the source of the limit."""
    legal, promised = int(r["legal_limit"]), int(r["promised_limit"])
    # So many calendar days never last longer than as many working days; the other way round weekends count.
    longer = r["promised_unit"] == "working_day" and r["limit_unit"] == "calendar_day"
    if (longest_span(promised) if longer else promised) > legal:
        bad.append(f"{who}: the promise can end after the legal limit")
    if (r["handling_type"] == "on_spot") != (promised == 0):
        bad.append(f"{who}: on_spot and promised_limit 0 go together")
    reference = r["legal_limit_source"] == "reference"
    if reference != ((r["legal_limit_text_zh"], r["legal_limit_text_en"]) == REFERENCE_TEXT):
        bad.append(f"{who}: limit text does not fit its source")
    if reference and r["limit_unit"] != "working_day":
        bad.append(f"{who}: reference limits are in working days")


def check_grid(lists):
    """Bodies, category, flow and disclosure of the 176 items."""
    body, category, flow = by(lists["bodies"]), by(lists["categories"], "name_zh"), by(lists["flows"])
    for r in lists["grid_items"]:
        who = r["code"]
        for k in ("assigning_body", "undertaking_body", "lead_department"):
            found = body.get(r[k + "_code"])
            if not found or found["name_zh"] != r[k + "_zh"]:
                bad.append(f"{who}: {k} {r[k + '_code']} unknown or named differently")
        if r["undertaking_body_code"] in ("B-WGZX", "B-T-WGZX") or "网格员" in r["undertaking_body_zh"]:
            bad.append(f"{who}: 采办分离 broken, the grid service may not undertake")
        cat = category.get(r["category_zh"])
        if not cat or cat["name_en"] != r["category_en"] or who.split("-")[1] != cat["code"]:
            bad.append(f"{who}: category does not fit categories.csv or the code")
        if r["flow_code"] not in flow:
            bad.append(f"{who}: flow {r['flow_code']} unknown")
        if r["flow_code"] == "F5" and r["disclosure"] != "restricted":
            bad.append(f"{who}: a tip-off must be restricted")
        if r["kind"] == "person_service" and r["disclosure"] == "public":
            bad.append(f"{who}: a person service is never public")


def check_flows(lists):
    """Each flow names how many items use it and has as many steps in both languages."""
    used = counts(lists["grid_items"], "flow_code")
    for f in lists["flows"]:
        if int(f["items"]) != used.get(f["code"], 0):
            bad.append(f"flows.csv {f['code']}: items is not the number of items")
        if f["steps_zh"].count("→") != f["steps_en"].count("→"):
            bad.append(f"flows.csv {f['code']}: different steps in the two languages")


def check_laws(lists):
    """Every law that an item names is listed, with the number of items that name it."""
    law = by(lists["legal_sources"], "name_zh")
    cited = collections.Counter(x for r in lists["service_items"] + lists["grid_items"] for x in parts(r["legal_basis"]))
    bad.extend(f"legal_sources.csv: {x} is missing" for x in cited if x not in law)
    for x, r in law.items():
        if int(r["used_by_items"]) != cited[x]:
            bad.append(f"legal_sources.csv {x}: used_by_items should be {cited[x]}")
        if bool(r["note_zh"]) != bool(r["note_en"]):
            bad.append(f"legal_sources.csv {x}: note in one language only")


if __name__ == "__main__":
    sys.exit(main())
