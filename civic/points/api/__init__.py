"""Points for programs: one's own, the rules, the daily closes, and the desk's."""

from civic.points.api import beside, closes, desk, own, rules, versions, watch

RESOURCES = (own.bp, closes.bp, rules.bp, desk.bp, watch.bp)
FURTHER = (beside, versions)  # put their routes on the desk's and on that of the rules
