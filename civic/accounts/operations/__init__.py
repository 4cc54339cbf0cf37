"""Writes of accounts, one file per noun: sign-in, sessions and tokens, accounts, grants, the connection log."""

from civic.accounts.operations.accounts import (
    change_password,
    close_account,
    create_account,
    enrol_second_step,
    forget_second_step,
    issue_password,
    set_language,
    set_own_password,
)
from civic.accounts.operations.connections import (
    Line,
    Seen,
    ask_opening,
    forget_old_connections,
    look_into,
    record_connection,
    release_opening,
)
from civic.accounts.operations.grants import NewGrant, end_grant, give_grant
from civic.accounts.operations.sessions import (
    begin_session,
    begin_token,
    end_session,
    end_token,
    forget_old_sessions,
    mark_two_step,
    note_seen,
    renew_session,
)
from civic.accounts.operations.sign_in import confirm_password, prove_password, prove_second_step

__all__ = [
    "Line",
    "NewGrant",
    "Seen",
    "ask_opening",
    "begin_session",
    "begin_token",
    "change_password",
    "close_account",
    "confirm_password",
    "create_account",
    "end_grant",
    "end_session",
    "end_token",
    "enrol_second_step",
    "forget_old_connections",
    "forget_old_sessions",
    "forget_second_step",
    "give_grant",
    "issue_password",
    "look_into",
    "mark_two_step",
    "note_seen",
    "prove_password",
    "prove_second_step",
    "record_connection",
    "release_opening",
    "renew_session",
    "set_language",
    "set_own_password",
]
