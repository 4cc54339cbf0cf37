"""What `points` tells others, inside the transaction: a listener that fails undoes the cause."""

from __future__ import annotations

from blinker import signal

hold_ended_by_life = signal("points.hold_ended_by_life")
"""A death or a merge gave back what was held. sender: Hold; actor: Actor. Sent before the commit: whoever stores the header ends its own row."""

life_ends = signal("points.life_ends")
"""The wallets of somebody who died are about to be locked. actor: Actor; person_ids: her rows; wallet_ids: what points lock next. Who holds points
ends it now, in its own order: its rows first, then its wallets and these, by id, at once."""

rows_merge = signal("points.rows_merge")
"""The wallets of two rows that are one now are about to be locked. actor: Actor; loser_id, survivor_id: int; wallet_ids: as above. Who holds points
between the two ends it now, in the same order."""

policy_adopted = signal("points.policy_adopted")
"""New rules were adopted. sender: Policy; actor: Actor. Sent before the commit."""
