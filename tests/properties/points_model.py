"""The plain model of the ledger: purses with points of years, and what is asked of them, written from docs/modules/points.md alone.

It knows no tables, locks or triggers and calls nothing of `civic`.  A purse is named by its wallet's id, so that its rows can be laid beside
the database's; amounts are hundredths.  A method that raises Refused may leave the world half changed: whoever asks keeps a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

CAP, DAILY = 20_00, 480
GRACE = timedelta(days=30)
POOL = "care_pool"


class Refused(Exception):
    """A rule says no; the code that programs read."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Row(NamedTuple):
    """A line of the ledger; (purse, year) on both sides, year 0 where a purse keeps none."""

    kind: str
    reason: str
    giver: tuple[int, int]
    taker: tuple[int, int]
    amount: int


class Written(NamedTuple):
    """A row with its id and what it was for."""

    id: int
    row: Row
    source: str


class Held(NamedTuple):
    """What a hold set aside: (year, hundredths) from the oldest, and until when."""

    parts: tuple[tuple[int, int], ...]
    until: datetime

    @property
    def amount(self) -> int:
        return sum(amount for _year, amount in self.parts)


class Asked(NamedTuple):
    """Something that a second person decides: points for a purse, or a row back."""

    kind: str  # grant, opening, reversal
    wallet: int
    amount: int
    origin: str
    row: int
    maker: int
    state: str = "waiting"


class Service(NamedTuple):
    """The newest revision of a source of hours; what of it lies in the pool, and what reversals took that no decrease was set off against."""

    purse: int
    day: date
    revision: int = 0
    counted: int = 0
    amount: int = 0
    pooled: int = 0
    taken: int = 0
    given: bool = False


@dataclass
class Purse:
    """A wallet with counters."""

    kind: str = "member"
    years: dict[int, int] = field(default_factory=dict)
    due: int = 0
    state: str = "open"
    heir: int | None = None
    holds: dict[int, Held] = field(default_factory=dict)
    noticed: dict[int, int] = field(default_factory=dict)
    came: list[tuple[int, datetime, int]] = field(default_factory=list)  # (year, when, hundredths) in, or back from a hold

    @property
    def balance(self) -> int:
        return sum(self.years.values())

    def held(self, year: int) -> int:
        return sum(amount for hold in self.holds.values() for of, amount in hold.parts if of == year)

    def free_of(self, year: int) -> int:
        return self.years.get(year, 0) - self.held(year)

    @property
    def free(self) -> int:
        return sum(self.free_of(year) for year in self.years)

    def oldest(self, amount: int) -> Iterator[tuple[int, int]]:
        """(year, hundredths) that make the amount, the oldest year first (L15)."""
        for year in sorted(self.years):
            if part := min(self.free_of(year), amount):
                yield year, part
                amount -= part

    def copy(self) -> Purse:
        return replace(self, years=dict(self.years), holds=dict(self.holds), noticed=dict(self.noticed), came=list(self.came))


@dataclass
class World:
    """All purses, every row that was written, and what is new since somebody looked."""

    now: datetime
    purses: dict[int, Purse]
    pool: int
    ends: dict[str, int]  # issuance, redemption, expiry, correction, opening: the name of each
    reachable: set[int]
    rules: list[tuple[date, int]]  # (first day, years after which points run out; 0: never), as they were adopted
    services: dict[str, Service] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    rows: list[Written] = field(default_factory=list)
    new: list[tuple[Row, str]] = field(default_factory=list)

    def copy(self) -> World:
        return replace(
            self, purses={name: purse.copy() for name, purse in self.purses.items()}, services=dict(self.services), asked=dict(self.asked),
            rows=list(self.rows), new=list(self.new), rules=list(self.rules),
        )  # fmt: skip

    @property
    def today(self) -> date:
        return (self.now + timedelta(hours=8)).date()  # the site's day

    # ---- rows

    def line(self, kind: str, reason: str, giver: tuple[int, int], taker: tuple[int, int], amount: int, source: str = "") -> None:
        """One giver, one taker, one positive amount; what moves points moves them here, so nothing is made or lost."""
        if not amount:
            return
        self.new.append((Row(kind, reason, giver, taker, amount), source))
        if kind not in ("single", "post", "reversal"):
            return
        for (name, year), signed in ((giver, -amount), (taker, amount)):
            if name in self.purses:
                years = self.purses[name].years
                years[year] = years.get(year, 0) + signed
                assert years[year] >= 0
        if taker[0] in self.purses:
            self.purses[taker[0]].came.append((taker[1], self.now, amount))

    def year_in(self, name: int, year: int) -> tuple[int, int]:
        return name, 0 if name == self.pool else year

    def take(self, name: int, amount: int, to: tuple[int, int], reason: str, source: str = "") -> None:
        """What is free, the newest years first; the rest is due, never below zero (L11)."""
        purse = self.purses[name]
        for year in sorted(purse.years, reverse=True):
            part = min(purse.free_of(year), amount)
            self.line("single", reason, (name, year), to, part, source)
            amount -= part
        purse.due += amount

    def recover(self, name: int, source: str = "") -> None:
        """What came in, or back, pays first what is due."""
        purse = self.purses[name]
        paid = min(purse.due, purse.free)
        purse.due -= paid
        self.take(name, paid, (self.ends["correction"], 0), "recovered", source)

    def heir_of(self, name: int) -> int:
        seen, heir = [name], self.purses[name].heir
        while heir is not None and heir not in seen:
            if self.purses[heir].state != "closed":
                return heir
            seen.append(heir)
            heir = self.purses[heir].heir
        return self.pool

    def forward(self, name: int) -> None:
        """Nothing free stays in a closed purse: to its heir as far as the cap lets it, else to the pool."""
        purse = self.purses[name]
        if purse.state != "closed" or not purse.free:
            return
        heir = self.heir_of(name)
        room = purse.free if heir == self.pool else max(0, CAP - self.purses[heir].balance)
        for year, amount in list(purse.oldest(purse.free)):
            kept = min(amount, room)
            room -= kept
            self.line("single", "moved", (name, year), self.year_in(heir, year), kept)
            self.line("single", "overflow", (name, year), (self.pool, 0), amount - kept)
        self.recover(heir)
        self.recover(self.pool)

    def may_give(self, name: int) -> None:
        if self.purses[name].state != "open":
            raise Refused(f"wallet_{self.purses[name].state}")

    # ---- holds

    def holds(self) -> list[tuple[int, int]]:
        """(purse, hold) of all that are open, ended in time or not."""
        return [(name, id_) for name, purse in self.purses.items() for id_ in purse.holds]

    def touch(self, name: int) -> None:
        """Holds whose time is over end before anything else happens (L8)."""
        for id_ in [id_ for id_, held in self.purses[name].holds.items() if held.until <= self.now]:
            self.end(name, id_, "expire")
        self.forward(name)

    def end(self, name: int, id_: int, kind: str, post: int = 0) -> None:
        purse, sink = self.purses[name], (self.ends["redemption"], 0)
        for year, amount in purse.holds.pop(id_).parts:
            part = min(amount, post)
            post -= part
            if part:
                self.line("post", "spent", (name, year), sink, part)
            else:
                self.line(kind, "lapsed" if kind == "expire" else "returned", (name, year), sink, amount)
            purse.came.append((year, self.now, amount - part))
        self.recover(name)

    def hold(self, name: int, amount: int) -> tuple[tuple[int, int], ...]:
        """The parts that are set aside."""
        self.may_give(name)
        self.touch(name)
        purse = self.purses[name]
        if purse.free < amount:
            raise Refused("not_enough_points")
        parts = tuple(purse.oldest(amount))
        self.set_aside(name, parts)
        return parts

    def set_aside(self, name: int, parts: tuple[tuple[int, int], ...]) -> None:
        for year, part in parts:
            self.line("hold", "spent", (name, year), (self.ends["redemption"], 0), part)

    def settle(self, name: int, id_: int, amount: int | None) -> None:
        held = self.living(name, id_)
        amount = held.amount if amount is None else amount
        if amount > held.amount:
            raise Refused("above_hold")
        if held.until <= self.now:
            raise Refused("hold_ended")
        if self.purses[name].state == "frozen":
            raise Refused("wallet_frozen")
        self.end(name, id_, "void", amount)
        self.forward(name)

    def void(self, name: int, id_: int) -> None:
        self.living(name, id_)
        self.end(name, id_, "void")
        self.forward(name)

    def renew(self, name: int, id_: int) -> Held:
        held = self.living(name, id_)
        if held.until <= self.now:
            raise Refused("hold_ended")
        for year, amount in held.parts:
            self.line("void", "returned", (name, year), (self.ends["redemption"], 0), amount)
            self.purses[name].came.append((year, self.now, amount))
        del self.purses[name].holds[id_]
        self.set_aside(name, held.parts)
        return held

    def living(self, name: int, id_: int) -> Held:
        if id_ not in self.purses[name].holds:
            raise Refused("hold_ended")
        return self.purses[name].holds[id_]

    def expire(self, name: int, id_: int) -> bool:
        held = self.purses[name].holds.get(id_)
        if held is None or held.until > self.now:
            return False
        self.end(name, id_, "expire")
        self.forward(name)
        return True

    # ---- hours

    def earn(self, source: str, minutes: int, *, given: bool) -> tuple[int, int]:
        """A source's new total of minutes; (minutes that count, hundredths)."""
        known = self.services[source]
        if known.revision and self.purses[known.purse].state == "closed":
            given = known.given  # for a closed wallet nothing turns
        others = sum(s.counted for n, s in self.services.items() if n != source and (s.purse, s.day) == (known.purse, known.day))
        counted = min(minutes // 30 * 30, max(0, DAILY - others) // 30 * 30)
        amount = counted * 100 // 60
        self.touch(known.purse)
        less = known.amount if given != known.given else max(0, known.amount - amount)
        offset = min(less, known.taken)
        self.services[source] = known._replace(
            revision=known.revision + 1, counted=counted, amount=amount, taken=known.taken - offset, given=given
        )
        self.take_back(source, less - offset)
        if more := amount - known.amount + less:
            self.credit(source, more, given=given)
        return counted, amount

    def credit(self, source: str, amount: int, *, given: bool) -> None:
        name, begin = self.services[source].purse, (self.ends["issuance"], 0)
        purse = self.purses[name]
        kept = 0 if given or purse.state == "closed" else max(0, min(amount, CAP - purse.balance))
        self.line("single", "earned", begin, (name, self.today.year), kept, source)
        if amount > kept:
            self.line("single", "overflow", begin, (self.pool, 0), amount - kept, source)
            self.services[source] = self.services[source]._replace(pooled=self.services[source].pooled + amount - kept)
            self.recover(self.pool, source)
        if kept:
            self.recover(name, source)

    def take_back(self, source: str, amount: int) -> None:
        """First what had flowed to the pool, then from the purse."""
        known, sink = self.services[source], (self.ends["correction"], 0)
        from_pool = max(0, min(amount, known.pooled))
        there = min(from_pool, self.purses[self.pool].free)
        self.services[source] = known._replace(pooled=known.pooled - there)
        self.take(self.pool, from_pool, sink, "corrected", source)
        self.take(known.purse, amount - from_pool, sink, "corrected", source)

    # ---- gifts, states

    def give(self, name: int, amount: int, to: int | None) -> None:
        if to == name:
            raise Refused("same_wallet")
        self.may_give(name)
        self.touch(name)
        giver, taker = self.purses[name], self.pool if to is None else to
        if to is not None and self.purses[to].kind != "household":
            raise Refused("no_gift")
        if self.purses[taker].state == "closed":
            raise Refused("wallet_closed")
        if self.purses[taker].state == "frozen":
            raise Refused("receiver_frozen")
        if to is not None and self.purses[to].balance + amount > CAP:
            raise Refused("wallet_full")
        if giver.free < amount:
            raise Refused("not_enough_points")
        for year, part in list(giver.oldest(amount)):
            self.line("single", "donated", (name, year), self.year_in(taker, year), part)
        self.recover(taker)

    def freeze(self, name: int, state: str) -> None:
        if self.purses[name].state == "closed":
            raise Refused("wallet_closed")
        self.purses[name].state = state

    def close(self, name: int, heir: int | None) -> None:
        self.may_give(name)
        self.touch(name)
        self.purses[name].state, self.purses[name].heir = "closed", heir
        self.forward(name)

    # ---- what needs two people (L10, L19)

    def ask(self, asked: Asked) -> Asked:
        if asked.kind != "reversal":
            if self.purses[asked.wallet].state == "closed":
                raise Refused("wallet_closed")
            return asked
        row = self.written(asked.row).row
        self.not_reversed(asked.row)
        if asked.amount > row.amount:
            raise Refused("above_row")
        return asked._replace(amount=asked.amount or row.amount)

    def written(self, id_: int) -> Written:
        return next(each for each in self.rows if each.id == id_)

    def not_reversed(self, id_: int, but: int = 0) -> None:
        spoken = (each for at, each in self.asked.items() if at != but and each.state in ("waiting", "done"))
        if self.written(id_).row.kind not in ("single", "post") or any(each.row == id_ for each in spoken):
            raise Refused("not_reversible")

    def decide(self, id_: int, who: int, *, approve: bool) -> None:
        asked = self.asked[id_]
        if asked.state != "waiting":
            raise Refused("already_decided")
        if who == asked.maker:
            raise Refused("second_person_needed")
        if approve:
            (self.reverse if asked.kind == "reversal" else self.grant)(asked)
        self.asked[id_] = asked._replace(state="done" if approve else "refused")

    def withdraw(self, id_: int, who: int) -> None:
        if self.asked[id_].maker != who:
            raise Refused("not_yours")
        if self.asked[id_].state != "waiting":
            raise Refused("already_decided")
        self.asked[id_] = self.asked[id_]._replace(state="withdrawn")

    def grant(self, asked: Asked) -> None:
        """What is new and does not fit goes to the pool; what came from the pool stays there (L13)."""
        name, purse = asked.wallet, self.purses[asked.wallet]
        if purse.state == "closed":
            raise Refused("wallet_closed")
        kept = max(0, min(asked.amount, CAP - purse.balance))
        if not kept:
            raise Refused("wallet_full")
        if asked.origin == POOL and self.purses[self.pool].free < kept:
            raise Refused("not_enough_points")
        begin = (self.pool if asked.origin == POOL else self.ends[asked.origin], 0)
        reason = "opening" if asked.kind == "opening" else "granted"
        self.line("single", reason, begin, (name, self.today.year), kept)
        if asked.origin != POOL and asked.amount > kept:
            self.line("single", "overflow", begin, (self.pool, 0), asked.amount - kept)
            self.recover(self.pool)
        self.recover(name)

    def reverse(self, asked: Asked) -> None:
        """One counter row as far as the year reaches, the rest from what else is free there or at the heir's; what is spent becomes due."""
        written = self.written(asked.row)
        giver, taker = written.row.giver, written.row.taker
        for name in sorted({giver[0], taker[0]} & self.purses.keys()):
            self.touch(name)
        part = asked.amount
        if taker[0] in self.purses:
            part = min(part, self.purses[taker[0]].free_of(taker[1]))
        self.line("reversal", "reversed", taker, giver, part)
        if rest := asked.amount - part:
            bearer = self.heir_of(taker[0]) if self.purses[taker[0]].state == "closed" else taker[0]
            if bearer != giver[0]:  # her own points stay with her
                self.take(bearer, rest, giver if giver[0] in self.purses else (self.ends["correction"], 0), "reversed")
        if giver[0] in self.purses:
            self.recover(giver[0])
            self.forward(giver[0])
        self.taken_from_hours(written, asked.amount)

    def taken_from_hours(self, written: Written, amount: int) -> None:
        """What a reversal took of hours' points, a later decrease of the same hours does not take again."""
        if written.row.reason in ("earned", "overflow") and written.source in self.services:
            known = self.services[written.source]
            pooled = amount if written.row.taker[0] == self.pool else 0
            self.services[written.source] = known._replace(taken=known.taken + amount, pooled=known.pooled - pooled)

    # ---- years that run out (L14)

    def night(self) -> None:
        """Two notices in December, then what has run out; whoever cannot be told keeps it, what is held or fresh stays."""
        today, years = self.today, self.years_of_points()
        left = (date(today.year, 12, 31) - today).days
        for purse in self.purses.values():
            for year, days in purse.noticed.items():
                if not years or year > today.year - years or (left > 30 and days == 30):
                    purse.noticed[year] = 0
        if not years:
            return
        for name, purse in self.purses.items():
            if purse.state != "open" or purse.kind == POOL:
                continue
            before, after = (0, 30) if left > 7 else (30, 7)
            for year in purse.years:
                told = (23 <= left <= 30 or 4 <= left <= 7) and name in self.reachable and year + years <= today.year
                if told and purse.years[year] and purse.noticed.get(year, 0) == before:
                    purse.noticed[year] = after
            if left > 7:
                self.run_out(name, years)

    def run_out(self, name: int, years: int) -> None:
        purse = self.purses[name]
        over = [year for year in sorted(purse.years) if purse.noticed.get(year) == 7 and year + years < self.today.year]
        if not any(purse.years[year] for year in over):
            return
        self.touch(name)
        done = 0
        for year in over:
            fresh = sum(amount for of, at, amount in purse.came if of == year and at > self.now - GRACE)
            gone = max(0, purse.free_of(year) - fresh)
            self.line("single", "expired", (name, year), (self.ends["expiry"], 0), gone)
            done += gone
        if done:
            for year in [year for year in purse.years if not purse.years[year]]:
                purse.noticed[year] = 0

    def years_of_points(self) -> int:
        return max((from_on, at, years) for at, (from_on, years) in enumerate(self.rules) if from_on <= self.today)[2]

    # ---- to be laid beside the database

    def pots(self) -> dict[tuple[int, int], Any]:
        """(purse, year) → balance, held, last notice; empty years are nothing to tell."""
        found = {
            (name, year): (amount, purse.held(year), purse.noticed.get(year, 0)) for name, purse in self.purses.items() for year, amount in purse.years.items()
        }  # fmt: skip
        return {spot: told for spot, told in found.items() if any(told)}

    def ended(self) -> dict[int, int]:
        """What stands in each of the programme's own books, from the rows."""
        sums = dict.fromkeys(self.ends.values(), 0)
        for _id, row, _source in self.rows:
            if row.kind in ("single", "post", "reversal"):
                for (name, _year), signed in ((row.giver, -row.amount), (row.taker, row.amount)):
                    if name in sums:
                        sums[name] += signed
        return sums
