"""What `people` tells others, inside the transaction: a listener that fails undoes the cause."""

from __future__ import annotations

from blinker import signal

person_created = signal("people.person_created")
"""A new row. sender: Person; actor: Actor. Sent before the commit."""

person_died = signal("people.person_died")
"""A death was recorded. sender: Person; actor: Actor; on: date. Sent before the commit."""

death_undone = signal("people.death_undone")
"""A death had been recorded by mistake. sender: Person; actor: Actor. Sent before the commit."""

person_moved = signal("people.person_moved")
"""She lives somewhere else. sender: Person; actor: Actor; on: date; out: bool, out of this district. Sent before the commit."""

household_changed = signal("people.household_changed")
"""Somebody joined, left, was born or died. sender: Household; actor: Actor; on: date. Sent before the commit."""

verification_ended = signal("people.verification_ended")
"""She no longer speaks as a resident of a community. sender: Person; actor: Actor; place_id: int. Sent before the commit."""

contact_confirmed = signal("people.contact_confirmed")
"""She read what was sent there. sender: Person; actor: Actor; kind: ContactKind. Sent before the commit."""

persons_merged = signal("people.persons_merged")
"""Two rows count as one. sender: Merge; actor: Actor. Sent before the commit."""

merge_undone = signal("people.merge_undone")
"""They count as two again. sender: Merge; actor: Actor. Sent before the commit."""

person_restricted = signal("people.person_restricted")
"""Her use is restricted to what still needs it. sender: Person; actor: Actor. Sent before the commit."""

person_emptied = signal("people.person_emptied")
"""Name, contacts and documents are gone, the row stays. sender: Person; actor: Actor. Sent before the commit."""
