"""Points 积分: wallets, a ledger of immutable transfers, holds, policy as versioned data, daily closes.

Public surface: `points.operations` (earn, hold, settle, void, renew, donate, grant, …), `points.queries`, `points.signals`.
docs/modules/points.md lists each invariant with the constraint and the test that hold it.
"""
