"""What `points` tells others, inside the transaction: a listener that fails undoes the cause."""

from __future__ import annotations

from blinker import signal

hold_ended_by_life = signal("points.hold_ended_by_life")
"""A death or a merge gave back what was held. sender: Hold; actor: Actor. Sent before the commit: whoever stores the header ends its own row."""

life_ends = signal("points.life_ends")
"""The wallets of somebody who died are about to be locked. actor: Actor; person_ids: her rows. Who holds points ends it now, in its own order."""

policy_adopted = signal("points.policy_adopted")
"""New rules were adopted. sender: Policy; actor: Actor. Sent before the commit."""
