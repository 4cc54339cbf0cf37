"""What the catalogue tells others, inside the transaction."""

from __future__ import annotations

from blinker import signal

item_version_made = signal("catalogue.item_version_made")
"""A new version of a service item stands. sender: ServiceItemVersion; actor: Actor. Sent before the commit."""

station_offer_changed = signal("catalogue.station_offer_changed")
"""A station took an item off its list or put it back. sender: StationOffer; actor: Actor. Sent before the commit."""
