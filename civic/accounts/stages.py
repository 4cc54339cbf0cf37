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
