"""Between the right password and the session: second step, own password.  The signed cookie holds how far a person came."""

from __future__ import annotations

from dataclasses import dataclass

from flask import session

from civic.accounts import queries
from civic.accounts.errors import SignInAgain
from civic.core import clock

KEY = "sign_in"
LASTS = 600  # seconds


@dataclass(frozen=True)
class Pending:
    """A sign-in that is under way: whose, with which password, whether the second step was shown."""

    account_id: int
    proof: str
    two_step: bool
    needs: queries.Needs

    @property
    def next_page(self) -> str:
        """The page that comes next: second_step, set_up, first_password, or empty when all is passed."""
        if not self.two_step and self.needs.has_app:
            return "second_step"
        if not self.two_step and self.needs.must_enrol:
            return "set_up"
        return "first_password" if self.needs.new_password else ""


def begin(account_id: int, *, two_step: bool = False) -> Pending:
    """Remember that the password was right.  Raises SignInAgain when the account was closed this moment."""
    needs = queries.sign_in_needs(account_id)
    if needs is None:
        raise SignInAgain
    session[KEY] = {"account": account_id, "proof": needs.proof, "two_step": two_step, "until": int(clock.now().timestamp()) + LASTS}
    return Pending(account_id, needs.proof, two_step, needs)


def current() -> Pending | None:
    """The sign-in under way in this browser; None when there is none, it took too long, or the password changed meanwhile."""
    kept = session.get(KEY)
    if not isinstance(kept, dict) or kept["until"] < clock.now().timestamp():
        return None
    needs = queries.sign_in_needs(kept["account"])
    if needs is None or needs.proof != kept["proof"]:
        return None
    return Pending(kept["account"], kept["proof"], kept["two_step"], needs)


def forget() -> None:
    session.pop(KEY, None)


# ---- who of those who share an address, and whether she has just shown that it is still she ---------------------------------

CHOICE, FRESH = "sign_in_choice", "fresh"


def remember_choice(account_ids: list[int]) -> None:
    """The password fits these accounts; one of them will be chosen."""
    session[CHOICE] = {"accounts": account_ids, "until": int(clock.now().timestamp()) + LASTS}


def choice() -> list[int]:
    """The accounts to choose from; empty when nothing was proven or it took too long."""
    kept = session.get(CHOICE)
    if not isinstance(kept, dict) or kept["until"] < clock.now().timestamp():
        return []
    return list(kept["accounts"])


def forget_choice() -> None:
    session.pop(CHOICE, None)


def make_fresh(account_id: int) -> None:
    """She has shown password or code again: for ten minutes weighty pages do not ask."""
    session[FRESH] = {"account": account_id, "until": int(clock.now().timestamp()) + LASTS}


def is_fresh(account_id: int) -> bool:
    kept = session.get(FRESH)
    return isinstance(kept, dict) and kept["account"] == account_id and kept["until"] >= clock.now().timestamp()
