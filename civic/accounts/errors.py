"""Refusals of accounts: each says what to do next."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import DomainError


class WrongSignIn(DomainError):
    """Login or password is wrong, or the account is closed: one answer for all three, so that nobody can list logins."""

    code, status = "wrong_sign_in", 401
    sentence = _l("Login and password do not belong together. Check both and try again, or ask your administrator for a new password.")


class WrongPassword(DomainError):
    """The current password, asked for again before something weighty, is wrong."""

    code = "wrong_password"
    sentence = _l("This is not your current password. Type it again.")


class WrongCode(DomainError):
    """The code of the second step does not fit."""

    code, status = "wrong_code", 401
    sentence = _l("This code does not fit. Type the six digits that the app shows now, or one of your recovery codes.")


class CodeUsed(DomainError):
    """A code of the app works once."""

    code, status = "code_used", 401
    sentence = _l("This code was used already. Wait for the next one, at most 30 seconds, and type that.")


class CodeNeeded(DomainError):
    """A token for an account with two steps needs `otp`."""

    code, status = "otp_needed", 401
    sentence = _l("This account signs in with two steps. Send the six digits of the app as `otp`.")


class SecondStepNeeded(DomainError):
    """The account must set up its second step on the site first."""

    code, status = "second_step_needed", 403
    sentence = _l("This account must set up its second step first. Sign in on the site and follow the page.")


class NewPasswordNeeded(DomainError):
    """The first password was set by somebody else and must be changed on the site."""

    code, status = "new_password_needed", 403
    sentence = _l("This account must choose its own password first. Sign in on the site and follow the page.")


class SignInAgain(DomainError):
    """Sign-in was begun too long ago, or its facts changed meanwhile."""

    code, status = "sign_in_again", 401
    sentence = _l("This took more than ten minutes. Sign in again from the start.")


class PasswordTooShort(DomainError):
    """Fewer characters than the rule wants."""

    code = "password_too_short"
    sentence = _l("A password needs at least %(least)s characters; this one has %(count)s. A short sentence is easy to remember.")


class PasswordIsLogin(DomainError):
    """The password is the login."""

    code = "password_is_login"
    sentence = _l("The password is the same as the login. Choose another one; a short sentence is easy to remember.")


class PasswordIsCommon(DomainError):
    """The password is among those that are tried first."""

    code = "password_is_common"
    sentence = _l("This password is one of the first that strangers try. Choose another one; a short sentence is easy to remember.")


class BadLogin(DomainError):
    """The login has letters that a login cannot have."""

    code = "bad_login"
    sentence = _l("A login has 2 to 40 letters a–z, digits, dots, hyphens or underscores, and begins with a letter. Type it that way.")


class LoginTaken(DomainError):
    """Another account has this login."""

    code, status = "login_taken", 409
    sentence = _l("The login %(login)s is taken. Choose another one, for example with a digit at its end.")


class NoSuchLogin(DomainError):
    """No account has this login."""

    code = "no_such_login"
    sentence = _l("No account has the login %(login)s. Check the spelling.")


class NoSuchPlace(DomainError):
    """No territory has this code."""

    code = "no_such_territory"
    sentence = _l("No territory has the code %(code)s. Look it up in the list of territories.")


class NoSuchOrganisation(DomainError):
    """No organisation has this code."""

    code = "no_such_organisation"
    sentence = _l("No organisation has the code %(code)s. Look it up in the list of organisations.")


class AccountIsClosed(DomainError):
    """The account was closed, perhaps a moment ago by somebody else."""

    code, status = "account_closed", 409
    sentence = _l("This account is closed. Make a new one if the person works here again.")


class GrantOverlaps(DomainError):
    """The same right exists for days that overlap."""

    code, status = "grant_exists", 409
    sentence = _l("This account has the same right on some of these days already. End that one first, or choose other days.")


class GrantInThePast(DomainError):
    """The last day of a new grant has passed."""

    code = "grant_in_the_past"
    sentence = _l("The last day %(day)s has passed. Choose a later one or leave it empty.")


class DaysInWrongOrder(DomainError):
    """The last day lies before the first."""

    code = "days_in_wrong_order"
    sentence = _l("The last day lies before the first day. Correct one of them.")


class GrantIsOver(DomainError):
    """The grant has ended already."""

    code, status = "grant_over", 409
    sentence = _l("This right has ended already. Open the account again to see how it stands now.")


class OutOfReach(DomainError):
    """An administrator gives and ends rights only inside her own territory and organisation."""

    code, status = "out_of_reach", 403
    sentence = _l("Your own right as administrator does not reach this territory or organisation. Ask the administrator of the district.")


class SpanTooLong(DomainError):
    """The connection log is opened for 31 days at most."""

    code = "span_too_long"
    sentence = _l("The log is opened for at most %(most)s days at once; these are %(days)s. Ask for a shorter span.")


class SpanInFuture(DomainError):
    """The connection log knows no future days."""

    code = "span_in_future"
    sentence = _l("The last day lies in the future. Choose today or an earlier day.")


class SamePerson(DomainError):
    """Whoever asks for the log cannot release it."""

    code, status = "same_person", 403
    sentence = _l("You asked for this yourself. Another administrator or auditor has to release it.")


class NotReadable(DomainError):
    """The opening is not released, its 24 hours are over, or another person asked for it."""

    code, status = "not_readable", 409
    sentence = _l(
        "This opening cannot be read now. It must be released by another person and is then open for 24 hours; ask again if you need it."
    )


class AlreadyReleased(DomainError):
    """Two people released at the same time."""

    code, status = "already_released", 409
    sentence = _l("Somebody released this already. Nothing more is to be done.")
