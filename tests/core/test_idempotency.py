"""Keys: a repeated request changes nothing, gets the first answer again, and nobody can read it in the database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.exceptions import NotFound

from civic.core import atomic as atomic_module
from civic.core import clock, crypto, idempotency
from civic.core.atomic import atomic, on_commit
from civic.core.db import db, is_sqlite
from civic.core.errors import DomainError, KeyReused
from civic.core.idempotency import IdempotencyKey, Replayed, keyed
from civic.core.site import SiteMark
from tests.support.features import KEEPER, LoftFull, land, marks


def said(outcome) -> dict:
    return {"refused": outcome.code, "message": outcome.message} if isinstance(outcome, DomainError) else {"landed": outcome}


def ask(name: str, key: str = "k1", body=None, account: int | None = 7) -> str:
    with keyed(account, "pigeons.land", key, body or {"name": name}, said):
        return land(KEEPER, name)


def rows() -> list[IdempotencyKey]:
    return list(db.session.scalars(sa.select(IdempotencyKey).execution_options(populate_existing=True)))


def test_the_same_key_and_body_get_the_first_answer_and_do_nothing(site):
    ask("dove")
    with pytest.raises(Replayed) as again:
        ask("dove")
    assert again.value.answer == {"landed": "dove"}
    assert (marks("pigeon"), marks("kite")) == (["pigeon:dove"], ["kite:dove"])


def test_another_body_under_the_same_key_is_a_conflict(site):
    ask("dove")
    with pytest.raises(KeyReused) as conflict:
        ask("rock")
    assert conflict.value.status == 409
    assert marks("pigeon") == ["pigeon:dove"]


def test_the_same_key_of_another_account_or_route_is_another_key(site):
    ask("dove")
    ask("rock", account=8)
    with keyed(7, "other.route", "k1", {"name": "wood"}, said):
        land(KEEPER, "wood")
    assert len(rows()) == 3


def test_what_changes_from_showing_to_showing_is_no_other_body(site):
    ask("dove", body={"name": "dove", "csrf_token": "a", "request_key": "x"})
    with pytest.raises(Replayed):
        ask("dove", body={"request_key": "y", "csrf_token": "b", "name": "dove"})


def test_a_refusal_is_stored_and_its_work_undone(site):
    with pytest.raises(LoftFull):
        ask("crow")
    with pytest.raises(Replayed) as again:
        ask("crow")
    assert again.value.answer["refused"] == "loft_full"
    assert marks("pigeon") == []


def test_whoever_comes_between_a_refusal_and_its_storing_answers_for_both(live_app, monkeypatch):
    """The refused block is undone; another request with the same key may do the work before the refusal is stored."""
    forget, outcomes = atomic_module.Transaction.forget, []

    def other() -> None:
        with live_app.app_context(), keyed(7, "pigeons.land", "k1", {"name": "dove"}, said):
            outcomes.append(land(KEEPER, "dove"))

    def between(tx):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        forget(tx)

    monkeypatch.setattr(atomic_module.Transaction, "forget", between)
    with live_app.app_context():
        if is_sqlite():
            return  # there the turn is kept, and nobody comes between
        with pytest.raises(Replayed) as told, keyed(7, "pigeons.land", "k1", {"name": "dove"}, said), atomic():
            raise LoftFull
        assert (outcomes, told.value.answer, marks("pigeon")) == (["dove"], {"landed": "dove"}, ["pigeon:dove"])
        assert len(rows()) == 1
        db.session.remove()


def test_a_repeat_that_fails_because_of_the_first_try_gets_its_answer(live_app):
    """What was done before may be why the block cannot be done again: it is refused, breaks a constraint, or misses what is gone."""

    def once(failing: Exception) -> None:
        with keyed(7, "marks.make", "k1", {"name": "x"}, said), atomic() as tx:
            if db.session.scalar(sa.select(SiteMark.value).where(SiteMark.name == "x")) is not None:
                raise failing
            db.session.add(SiteMark(name="x", value="1"))
            tx.result = "made"

    with live_app.app_context():
        once(LoftFull())
        for failing in (LoftFull(), LookupError("gone"), NotFound()):
            with pytest.raises(Replayed) as again:
                once(failing)
            assert again.value.answer == {"landed": "made"}
        with pytest.raises(Replayed), keyed(7, "marks.make", "k1", {"name": "x"}, said), atomic():
            db.session.execute(sa.insert(SiteMark.__table__).values(name="x", value="2"))
        with pytest.raises(KeyReused), keyed(7, "marks.make", "k1", {"name": "y"}, said), atomic():
            raise LookupError
        assert db.session.scalar(sa.select(SiteMark.value).where(SiteMark.name == "x")) == "1"
        assert len(rows()) == 1
        db.session.remove()


def test_a_repeat_with_nothing_left_to_say_gets_the_first_answer(live_app):
    """It finds its work done, has no result, and its answer cannot be made: the first one stands."""

    def make() -> None:
        with keyed(7, "r", "k1", {}, lambda mark: {"landed": mark.name}), atomic() as tx:
            if db.session.scalar(sa.select(SiteMark.value).where(SiteMark.name == "x")) is None:
                tx.result = SiteMark(name="x", value="1")
                db.session.add(tx.result)

    with live_app.app_context():
        make()
        with pytest.raises(Replayed) as again:
            make()
        assert again.value.answer == {"landed": "x"}
        db.session.remove()


def test_a_refusal_of_the_answer_is_no_refusal_of_the_work(site):
    def full(_outcome: object) -> dict:
        raise LoftFull

    with pytest.raises(LoftFull), keyed(7, "r", "k1", {}, full):
        land(KEEPER, "dove")
    assert (marks("pigeon"), rows()) == ([], [])


@pytest.mark.parametrize("second", ["the same", "another"])
def test_two_at_once_that_share_no_row_meet_at_the_key(live_app, second):
    """Both have done all their work before either enters the key: one is undone."""
    outcomes: list[str] = []
    both = threading.Barrier(2, timeout=20)

    def work(number: int) -> None:
        body = {"n": 0 if second == "the same" else number}
        with live_app.app_context():
            try:
                with keyed(7, "r", "k1", body, said), atomic() as tx:
                    db.session.add(SiteMark(name=f"mark{number}", value="1"))
                    db.session.flush()
                    if not is_sqlite():  # there the turn lets only one of them in
                        both.wait()
                    tx.result = "done"
                outcomes.append("did")
            except (Replayed, KeyReused) as told:
                outcomes.append(type(told).__name__)
            except BaseException as error:
                outcomes.append(repr(error))
            db.session.remove()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted(["did", "Replayed" if second == "the same" else "KeyReused"])
    with live_app.app_context():
        assert len(rows()) == 1
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SiteMark).where(SiteMark.name.like("mark%"))) == 1
        db.session.remove()


def test_a_repeat_leaves_neither_line_nor_effect(site):
    """It does the work in vain: rows, audit line, version and effects of the second try are gone."""
    seen: list[str] = []

    def work() -> None:
        with keyed(7, "pigeons.land", "k1", {}, said), atomic() as tx:
            land(KEEPER, f"dove{len(seen)}")
            tx.touch("loft")
            on_commit(lambda: seen.append("told"))
            tx.result = "landed"

    def left() -> list:
        return [db.session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ("audit_event", "site_mark")]

    work()
    before = left()
    versions = db.session.execute(sa.text("SELECT topic, version FROM content_version ORDER BY topic")).all()
    with pytest.raises(Replayed):
        work()
    assert (seen, left()) == (["told"], before)
    assert db.session.execute(sa.text("SELECT topic, version FROM content_version ORDER BY topic")).all() == versions


def test_a_refusal_of_a_listener_undoes_what_came_before_it(site):
    with pytest.raises(DomainError):
        ask("eagle")
    assert (marks("pigeon"), len(rows())) == ([], 1)
    assert db.session.scalar(sa.text("SELECT count(*) FROM audit_event")) == 0


def test_a_broken_operation_erases_the_key_so_that_the_next_try_counts(site):
    with pytest.raises(ZeroDivisionError), keyed(7, "r", "k1", {}, said), atomic():
        db.session.add(SiteMark(name="half", value="1"))
        raise ZeroDivisionError
    assert rows() == []
    with keyed(7, "r", "k1", {}, said), atomic() as tx:
        tx.result = "done"
    assert len(rows()) == 1


def test_an_answer_that_cannot_be_made_undoes_the_work(site):
    with pytest.raises(TypeError), keyed(7, "r", "k1", {}, lambda _outcome: {"x": object()}):
        land(KEEPER, "dove")
    assert (marks("pigeon"), rows()) == ([], [])


def test_the_stored_answer_is_encrypted_with_the_data_key(site):
    ask("dove")
    sealed = rows()[0].answer
    assert "dove" not in sealed
    assert sealed.startswith("g1.")
    assert "dove" in crypto.decrypt(sealed, "idempotency")


def test_one_outermost_block_per_key(site):
    with keyed(7, "r", "k1", {}, said):
        land(KEEPER, "dove")
        with pytest.raises(ValueError, match="one outermost"):
            land(KEEPER, "rock")
    assert marks("pigeon") == ["pigeon:dove"]


def test_inner_blocks_share_the_key(site):
    with keyed(7, "r", "k1", {}, said), atomic() as tx:
        land(KEEPER, "dove")
        land(KEEPER, "rock")
        tx.result = "both"
    assert len(rows()) == 1


def test_effects_run_with_the_key_cleared(site):
    with keyed(7, "r", "k1", {}, said), atomic() as tx:
        on_commit(lambda: land(KEEPER, "late"))
        tx.result = "x"
    assert marks("pigeon") == ["pigeon:late"]


def test_a_key_longer_than_its_column_still_tells_repeats_apart(site):
    ask("dove", key="k" * 5000)
    with pytest.raises(Replayed):
        ask("dove", key="k" * 5000)
    ask("rock", key="k" * 4999)


def test_keys_are_kept_for_thirty_days(site):
    ask("dove")
    with clock.frozen(clock.now() + timedelta(days=29)), atomic():
        assert idempotency.forget_old(db.session()) == 0
    with clock.frozen(clock.now() + timedelta(days=31)), atomic():
        assert idempotency.forget_old(db.session()) == 1


def test_the_daily_job_forgets_old_keys(site):
    ask("dove")
    job = next(j for j in site.extensions["civic"].registry.all_of("jobs") if j.name == "forget-keys")
    with clock.frozen(clock.now() + timedelta(days=31)):
        job.run()
    assert rows() == []


def test_eight_threads_with_one_key_do_it_once(live_app):
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def work() -> None:
        with live_app.app_context():
            start.wait()
            try:
                outcomes.append(f"did {ask('dove')}")
            except Replayed as again:
                outcomes.append(f"told {again.answer['landed']}")
            except BaseException as error:
                outcomes.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["did dove"] + ["told dove"] * 7
    with live_app.app_context():
        assert marks("pigeon") == ["pigeon:dove"]
