"""Writes of the bulletin, one function per verb."""

from civic.bulletin.operations.announcements import (
    AnnouncementText,
    add_voice,
    correct_announcement,
    drop_voice,
    publish_announcement,
    withdraw_announcement,
    write_announcement,
)
from civic.bulletin.operations.hand_over import hand_over
from civic.bulletin.operations.mailing import send_news
from civic.bulletin.operations.objections import answer_objection, forget_objections, object_to
from civic.bulletin.operations.postings import (
    PostingText,
    add_photo,
    close_posting,
    draft_posting,
    edit_posting,
    end_due_postings,
    post,
    put_up,
    take_down,
)
from civic.bulletin.operations.subscriptions import (
    ask_by_mail,
    confirm_subscription,
    drop_unconfirmed,
    end_own_subscription,
    end_subscription,
    subscribe,
)

__all__ = [
    "AnnouncementText",
    "PostingText",
    "add_photo",
    "add_voice",
    "answer_objection",
    "ask_by_mail",
    "close_posting",
    "confirm_subscription",
    "correct_announcement",
    "draft_posting",
    "drop_unconfirmed",
    "drop_voice",
    "edit_posting",
    "end_due_postings",
    "end_own_subscription",
    "end_subscription",
    "forget_objections",
    "hand_over",
    "object_to",
    "post",
    "publish_announcement",
    "put_up",
    "send_news",
    "subscribe",
    "take_down",
    "withdraw_announcement",
    "write_announcement",
]
