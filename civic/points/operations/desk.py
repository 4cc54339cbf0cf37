"""What the desk does with somebody's wallet: open, freeze, unfreeze, close; never for one's own household."""

from __future__ import annotations

import sqlalchemy as sa

from civic.core import audit
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import Membership
from civic.points.errors import NoProgramme
from civic.points.models import Wallet, WalletKind
from civic.points.operations import wallets
from civic.points.operations.seconds import not_own

FREEZE_WHY = ("suspicion", "lost", "own_wish")
CLOSE_WHY = ("own_wish", "moved_away")


def freeze_wallet(actor: Actor, wallet_id: int, why: str) -> None:
    """why: one of FREEZE_WHY.  Raises OwnHousehold, WalletClosed."""
    if why not in FREEZE_WHY:
        raise ValueError("an unknown reason")
    with atomic():
        not_own(actor, [wallet_id])
        wallets.freeze(actor, wallet_id, why)


def unfreeze_wallet(actor: Actor, wallet_id: int) -> None:
    """Raises OwnHousehold, WalletClosed."""
    with atomic():
        not_own(actor, [wallet_id])
        wallets.unfreeze(actor, wallet_id)


def close_wallet(actor: Actor, wallet_id: int, why: str, *, to_household: bool) -> int:
    """Close for good; what is left goes to the owner's household or to the care pool, as the owner chose.  Returns hundredths moved.

    why: one of CLOSE_WHY.  Raises OwnHousehold, WalletClosed, WalletNotEmpty; ValueError without a household.
    """
    if why not in CLOSE_WHY:
        raise ValueError("an unknown reason")
    with atomic() as tx:
        not_own(actor, [wallet_id])
        heir_id = None
        if to_household:
            wallet = db.session.get_one(Wallet, wallet_id)
            household_id = household_of(wallet)
            if household_id is None:
                raise ValueError("the owner is in no household")
            heir_id = wallets.wallet_of_household(wallet.programme_id, household_id)
        tx.result = moved = wallets.close(actor, wallet_id, why, heir_id)
    return moved


def open_for(actor: Actor, person_id: int, *, of_household: bool) -> str:
    """A wallet for a person or her household, found when there is one; its public id.

    Raises NoProgramme where the district has none; ValueError for somebody in no household.
    """
    person_id = people.survivor_of(person_id) or person_id
    with atomic() as tx:
        programme_id = wallets.programme_of_person(person_id)
        if programme_id is None:
            raise NoProgramme
        if of_household:
            household_id = _household_today(person_id)
            if household_id is None:
                raise ValueError("she is in no household")
            wallet_id = wallets.wallet_of_household(programme_id, household_id)
        else:
            wallet_id = wallets.wallet_of_person(programme_id, person_id)
        audit.record(actor, "points.wallet_opened", "points_wallet", wallet_id)
        tx.result = uid = db.session.scalars(sa.select(Wallet.uid).where(Wallet.id == wallet_id)).one()
    return uid


def _household_today(person_id: int | None) -> int | None:
    query = sa.select(Membership.household_id).where(Membership.person_id == person_id, Membership.ended_on.is_(None))
    return db.session.scalar(query)


def household_of(wallet: Wallet) -> int | None:
    """The household of a person's wallet today."""
    if wallet.kind is not WalletKind.member:
        return None
    return _household_today(wallet.person_id)
