"""Words of the site's own pages for core's enums."""

from __future__ import annotations

from flask_babel import lazy_pgettext as _p

from civic.core.messages.models import MessageChannel

CHANNELS = {
    MessageChannel.mail: _p("channel", "Mail"),
    MessageChannel.text: _p("channel", "Text message"),
    MessageChannel.robot: _p("channel", "Group robot"),
}
