"""Mail: a letter as RFC 5322 with plain text and a small HTML part, handed to the server of CIVIC_MAIL_URL.

`smtp://user:password@host:25`, `smtp+starttls://…:587` (encrypted before the login), `smtps://…:465` (encrypted from the start).
"""

from __future__ import annotations

import contextlib
import email.policy
import smtplib
import ssl
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from civic.config import Settings
from civic.core import clock
from civic.core.hooks import hooks
from civic.core.messages.models import MessageChannel
from civic.core.messages.ways import Later, Letter, Refused, Unreachable

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
TIMEOUT = 20.0  # seconds for each answer of the server


def sender(settings: Settings) -> str:
    """CIVIC_MAIL_FROM, else the login when it is an address, else `no-reply@` our own host."""
    login = unquote(urlsplit(settings.mail_url).username or "")
    host = urlsplit(settings.base_url).hostname or "localhost"
    return settings.mail_from or (login if "@" in login else f"no-reply@{host}")


def site_name(lang: str) -> str:
    """The site's name in the letter's language; call it inside `force_locale`."""
    district = hooks().district()
    return _("%(district)s neighbourhoods", district=district.in_language(lang)) if district else "Civic"


def compose(letter: Letter, settings: Settings) -> EmailMessage:
    """The mail.  Raises Refused for an address that is none."""
    try:
        origin, to = Address(addr_spec=sender(settings)), Address(addr_spec=letter.to)
    except (ValueError, HeaderParseError):  # covers line breaks in an address
        raise Refused("no mail address") from None
    find = current_app.jinja_env.get_template
    with force_locale(letter.lang):
        name = site_name(letter.lang)
        footer = find("mail/footer.txt").render(site_name=name, leave=letter.leave, lang=letter.lang).strip()
        page = find("mail/frame.html").render(letter=letter, footer=footer)
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"] = Address(name, origin.username, origin.domain)
    mail["To"] = to
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{letter.id}@{origin.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine replies
    if letter.leave:  # RFC 2369, and one click without a page: RFC 8058
        mail["List-Unsubscribe"] = f"<{letter.leave}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    text = f"{letter.body}\n\n-- \n{footer}\n"
    coding = "quoted-printable" if text.isascii() else "base64"  # no server on the way has to know 8BITMIME
    mail.set_content(text, cte=coding)
    mail.add_alternative(page, subtype="html", cte="quoted-printable" if page.isascii() else "base64")
    mail["Content-Language"] = "zh-CN" if letter.lang == "zh" else "en"  # last: it would move into the first part with the words
    return mail


class MailWay:
    """One connection to the mail server, opened at the first letter and kept for the run."""

    channel = MessageChannel.mail

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None

    def send(self, letter: Letter) -> None:
        mail = compose(letter, self._settings)
        server = self._connected()
        try:
            server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((answer[0] for answer in error.recipients.values()), default=0)
            raise _by_code(code) from None
        except smtplib.SMTPSenderRefused as error:  # also "authentication required": our settings, not this letter
            self._drop()
            raise Unreachable(f"SMTP {error.smtp_code} for the sender") from None
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server cannot send to this kind of address") from None
        except (smtplib.SMTPException, OSError) as error:  # broken off: perhaps it was taken; the same Message-ID goes again
            self._drop()
            raise Later(type(error).__name__) from None

    def close(self) -> None:
        if self._server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._server.quit()
        self._drop()

    def _connected(self) -> smtplib.SMTP:
        """The open connection, or a new one where there is none or the server closed it."""
        if self._server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                if self._server.noop()[0] == 250:
                    return self._server
            self._drop()
        try:
            self._server = _connect(self._settings)
        except smtplib.SMTPResponseException as error:
            raise Unreachable(f"SMTP {error.smtp_code} at the login") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(type(error).__name__) from None
        return self._server

    def _drop(self) -> None:
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.close()
            self._server = None


def _by_code(code: int) -> Exception:
    return Refused(f"SMTP {code}") if code >= 500 else Later(f"SMTP {code}")


def _connect(settings: Settings) -> smtplib.SMTP:
    where = urlsplit(settings.mail_url)
    host, port = where.hostname or "", where.port or PORTS[where.scheme]
    own = sender(settings).partition("@")[2] or "localhost"  # asking the resolver for our name took 5 s on a machine without one
    if where.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, own, timeout=TIMEOUT, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, own, timeout=TIMEOUT)
    try:
        if where.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if where.username:
            server.login(unquote(where.username), unquote(where.password or ""))
    except BaseException:
        server.close()
        raise
    return server
