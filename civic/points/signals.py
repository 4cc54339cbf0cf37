"""What `points` tells others, inside the transaction: a listener that fails undoes the cause."""

from __future__ import annotations

from blinker import signal

hold_ended_by_life = signal("points.hold_ended_by_life")
"""A death or a merge gave back what was held. sender: Hold; actor: Actor. Sent before the commit: whoever stores the header ends its own row."""

policy_adopted = signal("points.policy_adopted")
"""New rules were adopted. sender: Policy; actor: Actor. Sent before the commit."""
