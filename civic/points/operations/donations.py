"""What a resident gives away herself: from her own wallet or her household's, to the care pool or to her household."""

from __future__ import annotations

import enum

from civic.core.atomic import atomic
from civic.core.viewer import Actor
from civic.points import amounts, queries
from civic.points.errors import NoHouseholdWallet, NotEnoughPoints
from civic.points.operations import giving, wallets


class Way(enum.StrEnum):
    """From where to where.  Between persons there is no way (L17)."""

    pool = "pool"
    household = "household"
    household_pool = "household_pool"


def give(actor: Actor, person_id: int, way: Way, amount: int) -> int:
    """Give hundredths; returns the id of the first row, which the receipt is found by.

    The household is the one she is a grown-up member of now; its wallet is opened by the first gift.
    Raises NotEnoughPoints, NoHouseholdWallet, WrongAmount, WalletFrozen, WalletClosed.
    """
    amounts.checked(amount)
    with atomic() as tx:
        mine = queries.mine(person_id)
        giver = mine.household if way is Way.household_pool else mine.own
        if way is not Way.pool and mine.household_id is None:
            raise NoHouseholdWallet(field="way")
        if giver is None:
            raise NotEnoughPoints(cost=amount, available=0, cost_text=amounts.short(amount), available_text=amounts.short(0))
        to = None
        if way is Way.household:
            to = wallets.wallet_of_household(giver.programme_id, mine.household_id or 0)
        tx.result = first = giving.donate(actor, giver.id, amount, to)[0]
    return first
