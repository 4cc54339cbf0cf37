"""Writes a plan in slices of at most 0.2 s of the write lock, so that a crash loses nothing and the site stays quick.

A run first lists its rows (state `preparing`: nothing of the lists is written yet).  From `applying` on it ends in all rows:
each slice writes its rows, marks them and remembers them as last imported in one transaction; whoever comes next goes on where
it stopped.  The job `load-resume` and the start of every other load see to that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from civic.core import audit, clock, files
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.load import sealed
from civic.core.load.engine import UNKNOWN, Files, Plan, Report, hash_of, loaders, plan_load
from civic.core.load.errors import LeaseLost, LoadBusy, LoadStopped
from civic.core.load.kinds import Change, Loader, Row
from civic.core.load.lease import FINISHING, lease, renew
from civic.core.load.models import OPEN, LoadRow, LoadRun, LoadRunRow, LoadState
from civic.core.load.sealed import canonical
from civic.core.viewer import Actor, Channel
from civic.core.web.retries import is_conflict

OWNER = "load_run"  # of kept files
TARGET = 0.06  # seconds of lock a slice aims at; the law is 0.2, and a busy machine takes three times as long
PAUSE = 0.005  # seconds between slices: without it four other writers did 3 writes in 10 s
FIRST, MOST = 8, 500  # rows
LISTED = 1000  # plan rows written or removed at once
MOST_RUNS = 3
Progress = Callable[[LoadRun], None]


def run_load(actor: Actor, plan: Plan, progress: Progress | None = None, *, patience: float = 0) -> Report:
    """Write a plan, after finishing what an earlier load left.  patience: seconds to wait for another load.

    Nothing is written when a row is rejected.  Raises LoadBusy, and LoadStopped when an error interrupts the writing.
    """
    if plan.rejected:
        return plan.report
    with lease(patience) as holder:
        _work_all(holder, progress)
        if not plan.is_current:
            plan = plan_load(plan.files, actor=actor)
        if plan.rejected or not plan.total:
            return plan.report
        with atomic():
            run = _new_run(actor, LoadState.preparing, [{"name": name} for name, _ in plan.files])
        _prepare(run, plan, holder)
        plan.changes.clear()  # they are listed in the database now; of 10,000 people they take 30 MB
        _apply(run, holder, None, progress)
    return plan.report


def queue_load(actor: Actor, shas: list[str]) -> LoadRun:
    """Put files that the site keeps in line; `work` does the rest.  Takes over the files.  Raises files.FileGone."""
    with atomic() as tx:
        run = _new_run(actor, LoadState.queued, [])
        taken = [files.adopt(sha, actor.account_id, OWNER, run.id) for sha in shas]
        run.files = json.dumps([{"name": row.name, "sha": row.sha256} for row in taken], ensure_ascii=False)
        db.session.flush()
        tx.result = run
    return run


def work(run: LoadRun, seconds: float | None = None, progress: Progress | None = None) -> bool:
    """Go on with a run for so many seconds (None: to its end), after those before it; True when it has ended."""
    until = None if seconds is None else time.monotonic() + seconds
    with lease() as holder:
        return _work_all(holder, progress, until, last=run.id)


def resume_open() -> None:
    """The job: end every load that stands open.  Another process at it is no fault."""
    if db.session.scalar(sa.select(LoadRun.id).where(LoadRun.state.in_(OPEN)).limit(1)) is None:
        return
    try:
        with lease() as holder:
            _work_all(holder, None)
    except LoadBusy:
        return


def _new_run(actor: Actor, state: LoadState, names: list[dict[str, str]]) -> LoadRun:
    run = LoadRun(
        state=state,
        account_id=actor.account_id,
        job=actor.job,
        channel=actor.channel.value,
        request_id=actor.request_id,
        files=json.dumps(names, ensure_ascii=False),
    )
    db.session.add(run)
    db.session.flush()
    return run


def _work_all(holder: str, progress: Progress | None, until: float | None = None, last: int | None = None) -> bool:
    """Open runs, oldest first."""
    query = sa.select(LoadRun).where(LoadRun.state.in_(OPEN)).order_by(LoadRun.id)
    if last is not None:
        query = query.where(LoadRun.id <= last)
    return all(_work_one(run, holder, until, progress) for run in db.session.scalars(query.execution_options(populate_existing=True)).all())


def _work_one(run: LoadRun, holder: str, until: float | None, progress: Progress | None) -> bool:
    if run.state == LoadState.preparing and not _kept_files(run):
        _end(run, holder, LoadState.dropped)
        return True
    if run.state in {LoadState.queued, LoadState.preparing}:
        plan = plan_load(_read_files(run), actor=actor_of(run))
        if plan.rejected or not plan.total:
            _end(run, holder, LoadState.refused if plan.rejected else LoadState.done, plan.report)
            return True
        _prepare(run, plan, holder)
    return _apply(run, holder, until, progress)


def _kept_files(run: LoadRun) -> list[dict[str, str]]:
    return [entry for entry in json.loads(run.files) if "sha" in entry]


def _read_files(run: LoadRun) -> Files:
    return [(entry["name"], files.read(entry["sha"])) for entry in _kept_files(run)]


def _prepare(run: LoadRun, plan: Plan, holder: str) -> None:
    """List the rows to write; what an earlier try listed goes first."""
    if run.state == LoadState.preparing:
        _clear(run, holder)
    with atomic():
        renew(holder)
        _set(run, state=LoadState.preparing, total=plan.total, report=json.dumps(plan.report.as_json(), ensure_ascii=False))
    found = [(loader, change) for kind, changes in plan.changes.items() for loader in [_loader(kind)] for change in changes]
    for at in range(0, len(found), LISTED):
        with atomic():
            renew(holder)
            db.session.execute(sa.insert(LoadRunRow), [_run_row(run.id, loader, change) for loader, change in found[at : at + LISTED]])
        time.sleep(PAUSE)
    with atomic():
        renew(holder)
        _set(run, state=LoadState.applying)
        audit.record(actor_of(run), "load_begun", "load_run", run.id, rows=plan.total)


def _run_row(run_id: int, loader: Loader, change: Change) -> dict[str, Any]:
    key, values = loader.key_of(change.row), change.row.values
    return {
        "run_id": run_id,
        "kind": loader.kind,
        "key": sealed.key_hashes(loader.kind, key)[0] if loader.personal else key,
        "values": sealed.close(key, values) if loader.personal else canonical(values),
        "changed": ",".join(sorted(change.changed)),
        "is_new": change.is_new,
        "file": change.row.file[:300],
        "line": change.row.line,
        "is_applied": False,
    }


def _loader(kind: str) -> Loader:
    return next(loader for loader in loaders() if loader.kind == kind)


def actor_of(run: LoadRun) -> Actor:
    """Whoever began the run stays responsible for it, however often it is resumed."""
    return Actor(run.account_id, job=run.job, channel=Channel(run.channel), request_id=run.request_id)


def _apply(run: LoadRun, holder: str, until: float | None, progress: Progress | None) -> bool:
    """Write what is left, kind by kind; False when the time is up before the end."""
    kinds = set(db.session.scalars(sa.select(LoadRunRow.kind).where(LoadRunRow.run_id == run.id).distinct()))
    for loader in [loader for loader in loaders() if loader.kind in kinds]:
        if loader.kind in run.finished.split(","):
            continue
        if not _apply_kind(run, loader, holder, until, progress):
            return False
    if kinds - set(run.finished.split(",")):
        raise _stopped(run, f"unknown kind {min(kinds - set(run.finished.split(',')))}")
    _clear(run, holder)
    _end(run, holder, LoadState.done)
    if progress:
        progress(run)
    return True


def _apply_kind(run: LoadRun, loader: Loader, holder: str, until: float | None, progress: Progress | None) -> bool:
    size = max(FIRST, loader.least)
    while True:
        written, seconds = _apply_slice(run, loader, holder, size)
        if not written:
            break
        size = max(loader.least, next_size(size, seconds))
        if progress:
            progress(run)
        if until is not None and time.monotonic() >= until:
            return False
        time.sleep(PAUSE)
    try:
        with atomic():
            renew(holder, FINISHING)
        if loader.finish:
            loader.finish(actor_of(run))
    except LeaseLost:
        raise
    except Exception as error:
        raise _stopped(run, f"{loader.kind}: {type(error).__name__}") from error
    with atomic():
        renew(holder)
        _set(run, finished=",".join(filter(None, [*run.finished.split(","), loader.kind])))
    return True


def next_size(size: int, seconds: float) -> int:
    """Rows of the next slice: what would have taken TARGET seconds, at most twice as many as now."""
    return max(1, min(MOST, int(min(size * TARGET / max(seconds, 0.001), size * 2))))


def _apply_slice(run: LoadRun, loader: Loader, holder: str, size: int) -> tuple[int, float]:
    """Write the next rows; returns how many and for how many seconds the lock was held.

    When a slice fails it is tried again row by row, so that the error can name the row.
    """
    for attempt in range(1, MOST_RUNS + 1):
        try:
            return _write_slice(run, loader, holder, size)
        except LeaseLost:
            raise
        except OperationalError as error:
            db.session.rollback()
            if attempt == MOST_RUNS or not is_conflict(error):
                raise _stopped(run, f"{loader.kind}: {type(error).__name__}") from error
            time.sleep(0.05 * attempt)
        except Exception as error:
            db.session.rollback()
            if size > 1:
                return _apply_slice(run, loader, holder, 1)
            row = _next_rows(run, loader.kind, 1)[0]
            raise _stopped(run, f"{row.file}:{row.line}, {type(error).__name__}") from error
    raise AssertionError("unreachable")


def _write_slice(run: LoadRun, loader: Loader, holder: str, size: int) -> tuple[int, float]:
    with atomic():
        began = time.perf_counter()
        renew(holder)
        rows = _next_rows(run, loader.kind, size)
        if rows:
            changes = [_change(row) for row in rows]
            loader.apply(actor_of(run), changes)
            if loader.personal:
                sealed.keep_last(loader.kind, {loader.key_of(c.row): c.row.values for c in changes}, run.id)
            else:
                _remember(run, rows)
            db.session.execute(sa.update(LoadRunRow).where(LoadRunRow.id.in_([row.id for row in rows])).values(is_applied=True))
            _set(run, done=run.done + len(rows), problem="")
    return len(rows), time.perf_counter() - began


def _next_rows(run: LoadRun, kind: str, size: int) -> list[Any]:
    left = (LoadRunRow.run_id == run.id) & (LoadRunRow.kind == kind) & LoadRunRow.is_applied.is_(False)
    table = LoadRunRow.__table__
    return list(db.session.execute(sa.select(table).where(left).order_by(LoadRunRow.id).limit(size)).all())


def _change(row: Any) -> Change:
    return Change(Row(row.file, row.line, _values(row)), row.is_new, frozenset(row.changed.split(",")))


def _values(row: Any) -> dict[str, str]:
    if sealed.is_sealed(row.values_json):
        return sealed.opened(row.values_json)[1]
    values: dict[str, str] = json.loads(row.values_json)
    return values


def _remember(run: LoadRun, rows: list[Any]) -> None:
    """These rows are the last imported ones now."""
    insert = upsert(LoadRow.__table__)
    taken = {name: insert.excluded[name] for name in ("values_json", "hash", "run_id")}
    values = [{"kind": r.kind, "key": r.key, "values_json": r.values_json, "hash": hash_of(r.values_json), "run_id": run.id} for r in rows]
    db.session.execute(insert.on_conflict_do_update(index_elements=["kind", "key"], set_=taken), values)


def _set(run: LoadRun, **values: Any) -> None:
    """Change the run inside the open transaction; the object follows when the transaction stays."""
    db.session.execute(sa.update(LoadRun.__table__).where(LoadRun.__table__.c.id == run.id).values(**values))
    db.session.refresh(run)


def _clear(run: LoadRun, holder: str) -> None:
    """Remove the list of rows in slices: it repeats what the lists hold."""
    while True:
        some = sa.select(LoadRunRow.id).where(LoadRunRow.run_id == run.id).limit(LISTED)
        with atomic():
            renew(holder)
            gone = db.session.execute(sa.delete(LoadRunRow).where(LoadRunRow.id.in_(some)).returning(LoadRunRow.id)).all()
        if not gone:
            return
        time.sleep(PAUSE)


def _end(run: LoadRun, holder: str, state: LoadState, report: Report | None = None) -> None:
    """Close the run and let go of its files; the report stays."""
    if state is LoadState.dropped:
        _clear(run, holder)
    with atomic() as tx:
        renew(holder)
        values: dict[str, Any] = {"state": state, "ended_at": clock.now(), "problem": ""}
        if report is not None:
            values["report"] = json.dumps(report.as_json(), ensure_ascii=False)
        _set(run, **values)
        files.release(OWNER, run.id)
        if _is_personal(report or Report.from_json(run.report)):
            shas = [entry["sha"] for entry in _kept_files(run)]
            tx.on_commit(lambda: sealed.remove_files(shas))
        audit.record(actor_of(run), f"load_{state.value}", "load_run", run.id, rows=run.done)


def _is_personal(report: Report) -> bool:
    """A load that held a list about people, or a file that nobody could tell: its files go at once, not within a day."""
    personal = {loader.kind for loader in loaders() if loader.personal}
    return any(kind in personal or kind == UNKNOWN for kind in report.kinds)


def _stopped(run: LoadRun, problem: str) -> LoadStopped:
    """Note on the run what stopped it (never a value of a row) and make the error that says so."""
    db.session.rollback()
    try:
        with atomic():
            _set(run, problem=problem[:400])
    except OperationalError:  # the database itself is away; the run stands open all the same
        db.session.rollback()
    return LoadStopped(run=run.uid, done=run.done, total=run.total, problem=problem)
