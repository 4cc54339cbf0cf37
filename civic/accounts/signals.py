"""What accounts tell others, inside the transaction."""

from __future__ import annotations

from blinker import signal

account_closed = signal("accounts.account_closed")
"""An account was closed: its sessions, tokens and grants have ended.  sender: Account; actor: Actor.  Sent before the commit."""

grant_given = signal("accounts.grant_given")
"""An account got a grant.  sender: Grant; actor: Actor.  Sent before the commit."""

grant_ended = signal("accounts.grant_ended")
"""A grant was ended by hand or with its account.  sender: Grant; actor: Actor.  Sent before the commit."""
