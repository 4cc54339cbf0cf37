"""Wallets: found or opened, frozen, closed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id, upsert
from civic.core.viewer import Actor
from civic.people.models import Household, Person
from civic.points.errors import ProgrammeThere, WalletClosed, WalletFrozen, WalletNotEmpty
from civic.points.models import COUNTED, OWNED, Programme, Vintage, Wallet, WalletKind, WalletState
from civic.points.operations import closing, holds
from civic.points.operations.books import open_book
from civic.territory.models import Territory

_W = Wallet.__table__


def open_programme(actor: Actor, territory_id: int, code: str, name_zh: str, name_en: str) -> Programme:
    """A district's programme with its own wallets: issuance, redemption, expiry, correction, opening, care pool.  Raises ProgrammeThere."""
    with atomic() as tx:
        if db.session.scalar(sa.select(Programme.id).where(Programme.territory_id == territory_id)) is not None:
            raise ProgrammeThere
        programme = Programme(code=code, territory_id=territory_id, name_zh=name_zh, name_en=name_en)
        db.session.add(programme)
        db.session.flush()
        for kind in WalletKind:
            if kind not in OWNED:
                wallet = Wallet(programme_id=programme.id, kind=kind, vintage_count=1)
                wallet.vintages.append(Vintage(programme_id=programme.id, year=0, is_counted=kind in COUNTED))
                db.session.add(wallet)
        db.session.flush()
        audit.record(actor, "points.programme_opened", "points_programme", programme.id)
        tx.result = programme
    return programme


def programme_of_place(territory_id: int) -> int | None:
    """The programme of the district that a place lies in."""
    place, district = sa.orm.aliased(Territory), sa.orm.aliased(Territory)
    query = (
        sa.select(Programme.id)
        .join(district, district.id == Programme.territory_id)
        .join(place, place.path.startswith(district.path))
        .where(place.id == territory_id)
    )
    return db.session.scalar(query.limit(1))


def programme_of_person(person_id: int) -> int | None:
    """The programme of the district whose community keeps her row."""
    place_id = db.session.scalar(sa.select(Person.place_id).where(Person.id == person_id))
    return programme_of_place(place_id) if place_id is not None else None


def programme_of_household(household_id: int) -> int | None:
    place_id = db.session.scalar(sa.select(Household.place_id).where(Household.id == household_id))
    return programme_of_place(place_id) if place_id is not None else None


def wallet_of_person(programme_id: int, person_id: int) -> int:
    """The id of her wallet, opened when it is her first; for the survivor of merged rows."""
    return _found_or_opened(programme_id, WalletKind.member, {"person_id": person_id})


def wallet_of_household(programme_id: int, household_id: int) -> int:
    return _found_or_opened(programme_id, WalletKind.household, {"household_id": household_id})


def _found_or_opened(programme_id: int, kind: WalletKind, owner: dict[str, Any]) -> int:
    ((column, owner_id),) = owner.items()
    query = sa.select(_W.c.id).where(_W.c.programme_id == programme_id, _W.c[column] == owner_id)
    found = db.session.scalar(query)
    if found is not None:
        return int(found)
    values = {
        "uid": new_public_id(), "programme_id": programme_id, "kind": kind, "state": WalletState.open, "state_why": "", "due": 0,
        "vintage_count": 0, "created_at": clock.now(), **owner,
    }  # fmt: skip
    db.session.execute(upsert(_W).values(**values).on_conflict_do_nothing())
    return int(db.session.execute(query).scalar_one())


def freeze(actor: Actor, wallet_id: int, why: str) -> None:
    """No debit by its owner from now on; earning goes on, open holds may be voided.  Raises WalletClosed."""
    _set_state(actor, wallet_id, WalletState.frozen, why)


def unfreeze(actor: Actor, wallet_id: int) -> None:
    _set_state(actor, wallet_id, WalletState.open, "")


def _set_state(actor: Actor, wallet_id: int, state: WalletState, why: str) -> None:
    with atomic():
        wallet = open_book([wallet_id]).wallets[wallet_id]
        if wallet.state is WalletState.closed:
            raise WalletClosed
        db.session.execute(sa.update(_W).where(_W.c.id == wallet_id).values(state=state, state_why=why))
        audit.record(actor, f"points.wallet_{state.value}", "points_wallet", wallet_id)


def close(actor: Actor, wallet_id: int, why: str, heir_id: int | None = None, *, with_holds: bool = False) -> int:
    """Close a wallet for good: what is free goes to the heir, else to the care pool.  Returns hundredths moved.

    with_holds: open holds stay and what they give back goes the same way (a merge); without, they are a refusal, as is a due.
    A frozen one is opened first, by whoever froze it.
    Raises WalletNotEmpty, WalletFrozen, WalletClosed.
    """
    with atomic() as tx:
        book = open_book([wallet_id, *([heir_id] if heir_id is not None else [])])
        wallet = book.wallets[wallet_id]
        if wallet.state is WalletState.closed:
            raise WalletClosed
        if wallet.state is WalletState.frozen:
            raise WalletFrozen
        holds.touch(actor, book, wallet)
        if not with_holds and (wallet.due or any(pot.held for pot in wallet.pots)):
            raise WalletNotEmpty
        db.session.execute(sa.update(_W).where(_W.c.id == wallet_id).values(state=WalletState.closed, state_why=why, heir_id=heir_id))
        wallet.state, wallet.heir_id = WalletState.closed, heir_id
        moved = closing.forward(actor, book, wallet)
        audit.record(actor, "points.wallet_closed", "points_wallet", wallet_id, moved=moved)
        tx.result = moved
    return moved
