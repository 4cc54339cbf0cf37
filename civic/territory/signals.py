"""What `territory` tells others, inside the transaction."""

from __future__ import annotations

from blinker import signal

station_closure_added = signal("territory.station_closure_added")
"""A station will be closed on some days. sender: StationClosure; actor: Actor. Sent before the commit."""

station_closure_withdrawn = signal("territory.station_closure_withdrawn")
"""An announced closure no longer holds. sender: StationClosure; actor: Actor. Sent before the commit."""

organisation_ended = signal("territory.organisation_ended")
"""An organisation got its last day, maybe a successor. sender: Organisation; actor: Actor. Sent before the commit."""
