"""Recompute the chain of daily closes 日结 of a ledger without the site; needs Python 3.9 or later, nothing else.

    python3 closes.py CHAIN                  CHAIN: a saved file, or an address as http://host/points/closes.json
    python3 closes.py CHAIN --since OLDER    compare with a copy that you saved earlier: nothing of it may be missing or changed
Each close holds totals_text (hundredths of a point); hash = "s1." + SHA-256 over three lines: the hash before without "s1.", rows_hash,
totals_text. Prints what it found; exits 0 when everything fits, 1 when not, 2 on wrong usage.
"""

import hashlib
import json
import sys
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

IN, OUT = ("issued", "returned"), ("spent", "expired", "corrected", "reversed")


def read(source):
    """All closes of a file or an address, the oldest first; a list in pages is followed to its end."""
    if not source.startswith(("http://", "https://")):
        return json.loads(Path(source).read_text("utf-8"))["items"]
    found, address = [], source
    while address:
        with urlopen(address, timeout=60) as answer:  # noqa: S310 - the reader typed it
            page = json.load(answer)
        found += page["items"]
        address = urljoin(address, page["next"]) if page.get("next") else None
    return found


def faults(close, before):
    """What is wrong with one close, seen from the one before it (None before the first)."""
    lines = (close["previous_hash"], close["rows_hash"], close["totals_text"])
    if close["hash"] != "s1." + hashlib.sha256("\n".join(lines).encode()).hexdigest():
        yield "its hash does not follow from what it says"
    if close["previous_hash"] != (before["hash"].split(".")[1] if before else ""):
        yield "it does not name the close before it"
    told = json.loads(close["totals_text"])
    if any(told[name] != close[name] for name in ("number", "day", "row_count")):
        yield "number, day or count differ from its totals"
    if told["number"] != (before["number"] + 1 if before else 1):
        yield "the number before it is missing"
    if before and date.fromisoformat(close["day"]) - date.fromisoformat(before["day"]) != timedelta(days=1):
        yield "the day before it is missing"
    earlier = json.loads(before["totals_text"])["programmes"] if before else {}
    for code, sums in told.get("programmes", {}).items():
        day, since, past = sums["day"], sums["since"], earlier.get(code, {}).get("since", {})
        if any(since[name] != past.get(name, 0) + amount for name, amount in day.items()):
            yield f"{code}: the day's sums do not lead from the sums before to those since the beginning"
        if since["outstanding"] != sum(since[name] for name in IN) - sum(since[name] for name in OUT):
            yield f"{code}: what came in less what went out is not what is outstanding"
    yield from (f"{code}: the programme is missing" for code in earlier.keys() - told.get("programmes", {}).keys())


def main(words):
    if len(words) not in (1, 3) or words[1:2] not in ([], ["--since"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        chain = read(words[0])
        found = [f"{c['day']}, number {c['number']}: {fault}" for c, b in zip(chain, [None, *chain]) for fault in faults(c, b)]  # noqa: B905 - Python 3.9
        known = {close["number"]: close["hash"] for close in chain}
        for old in read(words[2]) if len(words) == 3 else ():
            if known.get(old["number"]) != old["hash"]:
                what = "was changed" if old["number"] in known else "is missing: an older state was put back"
                found.append(f"{old['day']}, number {old['number']}: it was published before and {what}")
    except Exception as problem:
        print(f"FAILED, no usable chain: {problem!r}")
        return 1
    print(len(chain), "closes,", sum(c["row_count"] for c in chain), "rows", *([chain[0]["day"], "to", chain[-1]["day"]] if chain else []))
    for code, sums in json.loads(chain[-1]["totals_text"]).get("programmes", {}).items() if chain else ():
        print(f"{code} since the beginning:", ", ".join(f"{name} {amount / 100:.2f}" for name, amount in sums["since"].items()))
    print("\n".join(["FAILED", *found] if found else [f"OK, last hash {chain[-1]['hash'] if chain else 'none'}"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
