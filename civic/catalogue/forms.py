"""Forms of the catalogue's desk: a version of an item with its papers, laws and words; what a station offers."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import BooleanField, DateField, IntegerField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, NumberRange, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from civic.catalogue import labels
from civic.catalogue.models import HandlingType, ItemChannel, LimitSource, channel_bits, channels_of
from civic.catalogue.operations import ItemText, Words
from civic.catalogue.queries import ItemView
from civic.core.i18n import plain
from civic.core.web.forms import BasedForm, ChoiceField, Form, Length
from civic.core.workdays import Unit

NEEDED = InputRequired(_l("This cannot be empty."))
LONGEST_WORD = 120
MOST_WORDS = 40


class Checks(SelectMultipleField):
    """A group of boxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class WordLines:
    """At most so many lines of at most so many characters."""

    def __call__(self, form: Any, field: Any) -> None:
        lines = lines_of(field.data)
        too_long = next((line for line in lines if len(line) > LONGEST_WORD), None)
        if too_long:
            raise ValidationError(
                str(_l("One word or phrase a line, at most %(most)s characters: “%(line)s…”"))
                % {"most": LONGEST_WORD, "line": too_long[:20]}
            )
        if len(lines) > MOST_WORDS:
            raise ValidationError(str(_l("At most %(most)s lines; there are %(count)s.")) % {"most": MOST_WORDS, "count": len(lines)})


def lines_of(text: str | None) -> list[str]:
    """The lines of a text, trimmed, each once, in order."""
    return list(dict.fromkeys(line.strip() for line in (text or "").split("\n") if line.strip()))


def _choices(words: dict[Any, Any]) -> Any:
    return lambda: [(member.value, str(label)) for member, label in words.items()]


class ItemForm(BasedForm):
    """A new version of a service item."""

    name_zh = StringField(_l("Name in Chinese"), validators=[NEEDED, Length(120)])
    name_en = StringField(_l("Name in English"), validators=[NEEDED, Length(160)])
    summary_zh = StringField(_l("One plain sentence in Chinese: when does one need it?"), validators=[Optional(), Length(120)])
    summary_en = StringField(_l("One plain sentence in English: when does one need it?"), validators=[Optional(), Length(120)])
    words_zh = TextAreaField(_l("What people say, in Chinese"), validators=[WordLines()], render_kw={"rows": 5})
    words_en = TextAreaField(_l("What people say, in English"), validators=[WordLines()], render_kw={"rows": 5})
    category_id = ChoiceField(_p("form", "Subject"), coerce=int)
    target_group_zh = TextAreaField(_l("Who may apply, in Chinese"), validators=[NEEDED, Length(300)], render_kw={"rows": 3})
    target_group_en = TextAreaField(_l("Who may apply, in English"), validators=[NEEDED, Length(400)], render_kw={"rows": 3})
    materials = TextAreaField(_l("Papers to bring: one code a line, in order"), validators=[NEEDED, Length(2000)], render_kw={"rows": 6})
    may_follow = StringField(_l("Code of the paper that may follow later"), validators=[Optional(), Length(20)])
    legal_limit = IntegerField(
        _l("Limit in days"), validators=[NEEDED, NumberRange(1, 3660, _l("A whole number from %(min)s to %(max)s."))]
    )
    limit_unit = ChoiceField(_p("form", "Counted in"), choices=_choices(labels.UNIT))
    legal_limit_source = ChoiceField(_l("Where the limit comes from"), choices=_choices(labels.SOURCE))
    legal_limit_text_zh = TextAreaField(_l("What the rule says, in Chinese"), validators=[NEEDED, Length(300)], render_kw={"rows": 2})
    legal_limit_text_en = TextAreaField(_l("What the rule says, in English"), validators=[NEEDED, Length(400)], render_kw={"rows": 2})
    handling_type = ChoiceField(_l("How it is handled"), choices=_choices(labels.HANDLING))
    promised_limit = IntegerField(
        _l("Promise in days (0: done while you wait)"),
        validators=[NEEDED, NumberRange(0, 3660, _l("A whole number from %(min)s to %(max)s."))],
    )
    promised_unit = ChoiceField(_l("Promise counted in"), choices=_choices(labels.UNIT))
    channels = Checks(_l("Ways to hand it in"), choices=_choices(labels.CHANNEL))
    fee_zh = StringField(_l("Fee in Chinese"), validators=[NEEDED, Length(200)])
    fee_en = StringField(_l("Fee in English"), validators=[NEEDED, Length(300)])
    onsite_visits = IntegerField(
        _p("form", "Visits needed"), validators=[NEEDED, NumberRange(0, 9, _l("A whole number from %(min)s to %(max)s."))]
    )
    proxy_allowed = BooleanField(_l("Somebody else may apply for the person"))
    result_zh = StringField(_l("What the applicant gets, in Chinese"), validators=[NEEDED, Length(200)])
    result_en = StringField(_l("What the applicant gets, in English"), validators=[NEEDED, Length(300)])
    laws = TextAreaField(_l("Laws: one name with 《》 a line"), validators=[Length(2000)], render_kw={"rows": 3})
    effective_on = DateField(_p("form", "Counts from"), validators=[NEEDED])
    is_retired = BooleanField(_l("From that day on this service is no longer offered"))
    note = StringField(_l("Why this change, for colleagues"), validators=[Optional(), Length(300)])

    def fill(self, view: ItemView) -> None:
        """Show what stands now."""
        for name, value in vars(ItemText.of(view.version)).items():
            if name in self._fields and name != "channels":
                self._fields[name].data = value
        self.channels.data = [c.value for c in channels_of(view.version.channels)]
        self.materials.data = "\n".join(f"{paper.code} {plain(paper.name)}" for paper in view.papers)
        self.may_follow.data = next((paper.code for paper in view.papers if paper.may_follow), "")
        self.laws.data = "\n".join(law.name.zh for law in view.laws)
        self.words_zh.data, self.words_en.data = "\n".join(view.words["zh"]), "\n".join(view.words["en"])
        self.summary_zh.data, self.summary_en.data = view.summary.zh, view.summary.en

    def text(self) -> ItemText:
        same = {name: self._fields[name].data for name in ItemText.__dataclass_fields__ if name in self._fields}
        return ItemText(
            **{
                **same,
                "limit_unit": Unit(self.limit_unit.data),
                "promised_unit": Unit(self.promised_unit.data),
                "legal_limit_source": LimitSource(self.legal_limit_source.data),
                "handling_type": HandlingType(self.handling_type.data),
                "channels": channel_bits([ItemChannel(c) for c in self.channels.data or ()]),
            }
        )

    def words(self) -> Words:
        return Words(
            tuple(lines_of(self.words_zh.data)), tuple(lines_of(self.words_en.data)), self.summary_zh.data or "", self.summary_en.data or ""
        )


class OfferForm(Form):
    """Which of the items a station offers: boxes ticked are offered."""

    offered = SelectMultipleField(_p("station", "Offered"), coerce=int, validate_choice=False)
    shown = SelectMultipleField(_p("station", "Shown"), coerce=int, validate_choice=False)
