"""What a resident gives away: from her own wallet or her household's, to the care pool or to her household; herself, or standing at the desk."""

from __future__ import annotations

import enum
from dataclasses import replace

from flask_babel import lazy_gettext as _l

from civic.core.atomic import atomic
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Receiver, Topic, contacts_of
from civic.core.messages.sending import send
from civic.core.viewer import Actor
from civic.points import amounts, queries
from civic.points.errors import NoHouseholdWallet, NotEnoughPoints
from civic.points.operations import giving, wallets
from civic.points.operations.seconds import not_own
from civic.points.queries import Mine, WalletView

#: whoever's points the desk moved is told, whatever she chose: it is how she notices what she did not say
DESK_TOPIC = Topic("points-desk", _l("What the desk did with my points"), (MessageChannel.mail, MessageChannel.text), is_fixed=True)


class Way(enum.StrEnum):
    """From where to where.  Between persons there is no way (L17)."""

    pool = "pool"
    household = "household"
    household_pool = "household_pool"


def ways_of(mine: Mine, wallet: str = "") -> list[Way]:
    """Those that are open to her; of one wallet alone where its uid is named."""
    found = [Way.pool, Way.household] if mine.household_id is not None else [Way.pool]
    return [way for way in (*found, Way.household_pool) if giver_of(mine, way, wallet) is not None]


def giver_of(mine: Mine, way: Way, wallet: str = "") -> WalletView | None:
    """The wallet that gives: the one that is named by its uid, else the one that she or her household uses.  None where that is none of them.

    Points of another district are given in that district: its wallet gives to the pool of its own programme.
    """
    every = mine.households if way is Way.household_pool else mine.wallets
    return next((each for each in every if not wallet or each.uid == wallet), None)


def left_after(mine: Mine, way: Way, amount: int, wallet: str = "") -> int:
    """Hundredths that would be free after the gift, for the question before it.  Raises NotEnoughPoints."""
    giver = giver_of(mine, way, wallet)
    free = giver.free if giver is not None else 0
    if giver is None or amount > free:
        raise NotEnoughPoints(cost=amount, available=free, cost_text=amounts.short(amount), available_text=amounts.short(free))
    return free - amount


def give(actor: Actor, person_id: int, way: Way, amount: int, wallet: str = "") -> int:
    """Give hundredths; returns the id of the first row, which the receipt is found by.

    wallet: uid of the one that gives, '' for the one she uses; one that is not hers has nothing to give.
    The household is the one she is a grown-up member of now; its wallet is opened by the first gift.
    Raises NotEnoughPoints, NoHouseholdWallet, WrongAmount, WalletFrozen, WalletClosed.
    """
    amounts.checked(amount)
    with atomic() as tx:
        mine = queries.mine(person_id)
        giver = giver_of(mine, way, wallet)
        if way is not Way.pool and mine.household_id is None:
            raise NoHouseholdWallet(field="way")
        if giver is None:
            raise NotEnoughPoints(cost=amount, available=0, cost_text=amounts.short(amount), available_text=amounts.short(0))
        to = None
        if way is Way.household:
            to = wallets.wallet_of_household(giver.programme_id, mine.household_id or 0)
        tx.result = first = giving.donate(actor, giver.id, amount, to)[0]
    return first


def give_beside(actor: Actor, person_id: int, way: Way, amount: int, wallet: str = "") -> int:
    """Give hundredths for the person who stands at the desk and says so; returns the id of the first row.

    actor: the worker; the audit names her and the person.  The person is told.  Raises OwnHousehold, and what `give` raises.
    """
    with atomic() as tx:
        mine = queries.mine(person_id)
        not_own(actor, [each.id for each in mine.every])
        tx.result = row_id = give(replace(actor, acting_for=person_id), person_id, way, amount, wallet)
        if person_id in contacts_of("person", [person_id]):  # an account that was closed gets no messages
            send(
                Receiver("person", person_id), DESK_TOPIC.name, "points/given", href=f"/points/donations/{row_id}",
                amount=amounts.short(amount), way=way.value,
            )  # fmt: skip
    return row_id
