"""A change of keys: every ciphertext and keyed hash anew, resumable after a kill, both keys read meanwhile, nothing lost."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from civic.commands.keys import keys_group, put_first
from civic.config import load_settings
from civic.core import crypto, idempotency, notes, rekey, rekey_check, tries
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.keys import KeyRotation, Sealed, all_sealed
from civic.core.load import sealed as load_sealed
from civic.core.load.models import LoadRow, LoadRun, LoadState
from civic.core.notes import SealedNote
from civic.core.site import SiteMark

OLD, NEW = "d" * 40, "n" * 40


def hold(app, *keys: str) -> None:
    civic = app.extensions["civic"]
    civic.settings = dataclasses.replace(civic.settings, data_keys=keys)


@pytest.fixture
def keys(site):
    before = site.extensions["civic"].settings
    yield lambda *held: hold(site, *held)
    site.extensions["civic"].settings = before


def write_notes(count: int) -> list[int]:
    with atomic():
        return [notes.write(f"note {n}") for n in range(count)]


def load_row(name: str) -> int:
    values = {"name": name}
    with atomic():
        run = LoadRun(state=LoadState.done, channel="job")
        db.session.add(run)
        db.session.flush()
        row = LoadRow(
            kind="people",
            key=load_sealed.key_hashes("people", name)[0],
            values=crypto.encrypt(json.dumps([name, values]), load_sealed.PURPOSE),
            hash=load_sealed.value_hashes("people", values)[0],
            run_id=run.id,
        )
        db.session.add(row)
    return row.id


def test_everything_is_sealed_and_hashed_with_the_new_key(site, keys):
    ids, row_id = write_notes(7), load_row("王芳")
    keys(NEW, OLD)
    report = rekey.rotate()
    assert (report.left, report.rows["sealed_note"], report.rows["load_row"]) == ([], 7, 1)
    keys(NEW)
    assert notes.read(ids) == {each: f"note {n}" for n, each in enumerate(ids)}
    row = db.session.get(LoadRow, row_id, populate_existing=True)
    assert row.key == load_sealed.key_hashes("people", "王芳")[0]
    assert row.hash == load_sealed.value_hashes("people", {"name": "王芳"})[0]
    assert list(rekey_check.unopened()) == []
    assert rekey.rotate().rows == dict.fromkeys(report.rows, 0)


def test_the_old_key_is_named_unused_and_the_database_remembers_the_new_one(site, keys):
    write_notes(2)
    with atomic():
        db.session.merge(SiteMark(name="key", value=crypto.key_id(OLD)))
    keys(NEW, OLD)
    report = rekey.rotate()
    assert report.unused == [crypto.key_id(OLD)]
    assert db.session.get(SiteMark, "key", populate_existing=True).value == crypto.key_id(NEW)


def test_a_hash_that_cannot_be_made_anew_keeps_its_key_in_use_and_says_until_when(site, keys):
    tries.count_try("sign-in", crypto.keyed_hash("mei", "login"), 5)
    keys(NEW, OLD)
    report = rekey.rotate()
    assert report.unused == []
    assert report.used[crypto.key_id(OLD)] == {"try_count.subject": 1}
    told = site.test_cli_runner().invoke(keys_group, ["rotate"]).output
    assert f"Key {crypto.key_id(OLD)} is still named by 1 in try_count.subject: counts of wrong tries" in told


def test_while_it_runs_both_keys_read_and_look_ups_find_either(site, keys):
    (before,) = write_notes(1)
    row_id = load_row("王芳")
    old_hash = db.session.get(LoadRow, row_id).key
    keys(NEW, OLD)
    (after,) = write_notes(1)
    assert notes.read([before, after]) == {before: "note 0", after: "note 0"}
    assert old_hash in load_sealed.key_hashes("people", "王芳")


def test_a_row_that_does_not_open_stays_and_is_named(site, keys):
    ids = write_notes(3)
    with atomic():
        db.session.execute(sa.update(SealedNote).where(SealedNote.id == ids[1]).values(sealed="g1.00000000.AAAA"))
    keys(NEW, OLD)
    report = rekey.rotate()
    assert [(v.table, v.row) for v in report.left] == [("sealed_note", ids[1])]
    found = {(v.table, v.row, v.what) for v in rekey_check.unopened()}
    assert ("sealed_note", ids[1], "sealed does not open") in found
    assert ("sealed_note.sealed", "00000000", "1 values name a key that is not held here") in found
    assert notes.read([ids[0], ids[2]]) == {ids[0]: "note 0", ids[2]: "note 2"}
    assert site.test_cli_runner().invoke(keys_group, ["rotate"]).exit_code == 1


def test_a_hash_that_does_not_fit_its_text_is_named(site):
    row_id = load_row("王芳")
    with atomic():
        db.session.execute(sa.update(LoadRow).where(LoadRow.id == row_id).values(hash=crypto.keyed_hash("other", load_sealed.PURPOSE)))
    assert [(v.table, v.row, v.what) for v in rekey_check.unopened()] == [("load_row", row_id, "hash does not fit the sealed text")]


def test_a_row_that_somebody_changes_meanwhile_keeps_the_change(site, keys, monkeypatch):
    (note,) = write_notes(1)
    keys(NEW, OLD)
    prepare = rekey._prepare

    def change_between(sealed: Sealed, rows, key):
        found = prepare(sealed, rows, key)
        if sealed.model is SealedNote and crypto.fingerprints()[0] == key:
            monkeypatch.setattr(rekey, "_prepare", prepare)
            keys(OLD, NEW)  # a process that was not restarted writes with the old key
            with atomic():
                db.session.execute(
                    sa.update(SealedNote).where(SealedNote.id == note).values(sealed=crypto.encrypt("changed", notes.PURPOSE))
                )
            keys(NEW, OLD)
        return found

    monkeypatch.setattr(rekey, "_prepare", change_between)
    rekey.rotate()
    rekey.rotate()
    keys(NEW)
    assert notes.read([note]) == {note: "changed"}


def test_two_rows_that_would_have_one_hash_are_named_and_stay(site, keys):
    first = load_row("王芳")
    keys(NEW, OLD)
    with atomic():
        db.session.execute(sa.update(LoadRow).where(LoadRow.id == first).values(kind="people"))
    second = load_row("王芳")  # under the new key: the unique index cannot see that both are one
    report = rekey.rotate()
    assert [(v.table, v.row) for v in report.left] == [("load_row", first)]
    assert second != first
    assert {row.id for row in db.session.scalars(sa.select(LoadRow))} == {first, second}


def test_emptied_rows_and_values_that_are_no_ciphertext_are_left_alone(site, keys):
    ids = write_notes(2)
    with atomic():
        notes.forget(ids[:1])
    keys(NEW, OLD)
    assert rekey.rotate().rows["sealed_note"] == 1
    assert notes.read(ids) == {ids[0]: "", ids[1]: "note 1"}


def test_stored_answers_are_read_under_the_new_key_alone(site, keys):
    with idempotency.keyed(1, "r", "k", {}, lambda n: {"n": n}), atomic() as tx:
        tx.result = 5
    keys(NEW, OLD)
    rekey.rotate()
    keys(NEW)
    with pytest.raises(idempotency.Replayed) as replayed, idempotency.keyed(1, "r", "k", {}, lambda n: {"n": n}), atomic():
        raise AssertionError("done once already")
    assert replayed.value.answer == {"n": 5}


def test_a_broken_run_goes_on_after_its_last_slice(site, keys, monkeypatch):
    write_notes(30)
    keys(NEW, OLD)
    monkeypatch.setattr(rekey, "FIRST", 10)
    monkeypatch.setattr(rekey, "MOST", 10)

    def stop(table: str, done: int, _total: int) -> None:
        if table == "sealed_note" and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rekey.rotate(stop)
    query = sa.select(KeyRotation.rows).where(KeyRotation.__table__.c.table_name == "sealed_note")
    assert db.session.scalars(query).all() == [20]
    told: list[tuple[int, int]] = []
    rekey.rotate(lambda table, done, total: told.append((done, total)) if table == "sealed_note" else None)
    assert told == [(10, 10)]
    assert db.session.scalars(query).all() == [30]


# ---- the command ------------------------------------------------------------------------------------------------------------


def test_a_new_key_is_only_handed_out_until_it_stands_first(site, keys):
    write_notes(1)
    answer = site.test_cli_runner().invoke(keys_group, ["rotate", "--json"])
    told = json.loads(answer.output)
    assert (told["put_first_in"], told["key"]) == ("CIVIC_DATA_KEY", crypto.key_id(told["new_key"]))
    assert len(told["new_key"]) == 64
    assert rekey_check.uses().keys() == {crypto.key_id(OLD)}
    keys(told["new_key"], OLD)
    report = json.loads(site.test_cli_runner().invoke(keys_group, ["rotate", "--json"]).stdout.splitlines()[-1])
    assert (report["rows"]["sealed_note"], report["unused"], report["left"]) == (1, [crypto.key_id(OLD)], [])
    assert "Put it first" not in site.test_cli_runner().invoke(keys_group, ["rotate"]).output  # the old key has to go first
    assert rekey_check.uses().keys() == {told["key"]}


def test_a_demos_file_is_written_whole_and_a_running_process_reads_it(tmp_path, site, keys):
    file = tmp_path / "keys.env"
    file.write_text(f"# Keys of a demonstration.\nCIVIC_SECRET_KEY={'s' * 40}\nCIVIC_DATA_KEY={OLD}\n")
    file.chmod(0o600)
    settings = load_settings({"CIVIC_DATA_DIR": str(tmp_path)})
    assert (settings.keys_file, settings.data_keys) == (file, (OLD,))
    civic = site.extensions["civic"]
    civic.settings = dataclasses.replace(civic.settings, keys_file=file)
    assert crypto.held_keys() == (OLD,)
    put_first(file, NEW)
    assert crypto.held_keys() == (NEW, OLD)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "s" * 40 in file.read_text()
    assert list(tmp_path.iterdir()) == [file]


def test_a_key_of_the_environment_is_stronger_than_a_demos_file(tmp_path):
    (tmp_path / "keys.env").write_text(f"CIVIC_DATA_KEY={OLD}\n")
    settings = load_settings({"CIVIC_DATA_DIR": str(tmp_path), "CIVIC_DATA_KEY": NEW})
    assert (settings.keys_file, settings.data_keys) == (None, (NEW,))


# ---- a real process that is killed ------------------------------------------------------------------------------------------


def environment(app) -> dict[str, str]:
    settings = app.extensions["civic"].settings
    return {
        **os.environ,
        "CIVIC_DATABASE_URL": settings.database_url,
        "CIVIC_DATA_DIR": str(settings.data_dir),
        "CIVIC_SECRET_KEY": "s" * 40,
        "CIVIC_DATA_KEY": f"{NEW},{OLD}",
    }


def test_a_killed_process_leaves_whole_rows_and_the_next_run_ends_the_work(live_app):
    with live_app.app_context():
        with atomic():
            words = [{"sealed": crypto.encrypt(f"note {n}", notes.PURPOSE)} for n in range(12_000)]
            db.session.execute(sa.insert(SealedNote), words)
        command = [sys.executable, "-m", "civic.cli", "keys", "rotate", "--json"]
        process = subprocess.Popen(command, env=environment(live_app), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("sealed_note"):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hold(live_app, NEW, OLD)
        uses = rekey_check.uses()
        done, left = (uses.get(crypto.key_id(key), {}).get("sealed_note.sealed", 0) for key in (NEW, OLD))
        assert (done + left, done > 0, left > 0) == (12_000, True, True)
        assert list(rekey_check.unopened()) == []
        again = subprocess.run(command, env=environment(live_app), capture_output=True, text=True, check=True, timeout=120)
        report = json.loads(again.stdout)
        assert report["rows"]["sealed_note"] == left
        assert (report["left"], report["unused"]) == ([], [crypto.key_id(OLD)])
        hold(live_app, NEW)
        texts = notes.read(db.session.scalars(sa.select(SealedNote.id).limit(500)))
        assert all(text.startswith("note ") for text in texts.values())
        assert list(rekey_check.unopened()) == []


def test_a_slice_holds_the_lock_briefly(live_app):
    """The slowest of all slices of 20,000 rows stays within 0.2 s of lock."""
    with live_app.app_context():
        with atomic():
            words = [{"sealed": crypto.encrypt(f"note {n}" * 20, notes.PURPOSE)} for n in range(20_000)]
            db.session.execute(sa.insert(SealedNote), words)
        hold(live_app, NEW, OLD)
        took, write = [], rekey._write

        def timed(*arguments):
            began = time.monotonic()
            found = write(*arguments)
            took.append(time.monotonic() - began)
            return found

        rekey._write = timed
        try:
            rekey.rotate()
        finally:
            rekey._write = write
        assert len(took) > 5
        assert sorted(took)[int(len(took) * 0.9)] < rekey.LONGEST


# ---- the guard: nothing sealed is forgotten ---------------------------------------------------------------------------------


def test_every_column_that_holds_a_ciphertext_or_keyed_hash_is_listed(live_app):
    """A demonstration is made and looked at, table by table: what begins like a ciphertext must stand in some `Module.sealed`."""
    from civic.commands.demo import seed_demo
    from civic.core.registry import the_registry

    with live_app.app_context():
        seed_demo()
        for seed in the_registry().all_of("seeds"):
            if seed.kind == "logins":
                seed.run()
        notes_ids = write_notes(1)
        tries.count_try("sign-in", crypto.keyed_hash("mei", "login"), 5)
        listed = {
            (s.table.name, s.column(c).name, a) for s in all_sealed() for a, cs in (("g1.", s.columns), ("h1.", s.hash_columns)) for c in cs
        }
        found = set(sealed_columns())
        assert notes_ids
        assert {("sealed_note", "sealed", "g1."), ("try_count", "subject", "h1.")} <= found
        assert found - listed == set()


def sealed_columns():
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum):
                for start in ("g1.", "h1."):
                    if db.session.execute(sa.select(sa.literal(1)).select_from(table).where(column.like(f"{start}%")).limit(1)).first():
                        yield table.name, column.name, start
