"""News and postings of the demonstration, in every state and both languages."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from civic.bulletin import operations
from civic.bulletin.models import Announcement, AnnouncementKind
from civic.bulletin.operations import AnnouncementText, PostingText
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.core.workdays import Unit
from civic.territory.models import Territory

SEED = Actor(None, job="demo", channel=Channel.command)
COMMUNITY, DISTRICT = "440113010901", "440113"


def demo() -> None:
    """Write them once; a second run changes nothing."""
    ids = dict(db.session.execute(sa.select(Territory.code, Territory.id).where(Territory.code.in_([COMMUNITY, DISTRICT]))).all())
    if len(ids) < 2 or db.session.scalar(sa.select(Announcement.id).limit(1)) is not None:
        return
    _announcements(ids[COMMUNITY], ids[DISTRICT])
    _postings(ids[COMMUNITY])


def _published(place_id: int, text: AnnouncementText, days_ago: int) -> Announcement:
    with clock.frozen(clock.now() - timedelta(days=days_ago, hours=1)):
        row = operations.write_announcement(SEED, place_id, None, text)
        return operations.publish_announcement(SEED, row.id, row.lock_version)


def _announcements(community: int, district: int) -> None:
    now = clock.now()
    urgent = AnnouncementText(
        "榕荫里 12 至 20 号今晚停水，23:00 恢复",
        "",
        "水管破裂，抢修中。\n\n- 停水时间：今天 18:00 至 23:00\n- 送水点：社区服务站门口，可带桶来取\n- 行动不便的住户请致电服务站，我们送水上门",
        "",
        AnnouncementKind.utility,
        is_urgent=True,
        until_at=now + timedelta(days=2),
    )
    _published(community, urgent, 0)
    clinic = AnnouncementText(
        "社区医生每周三上午坐诊",
        "The community doctor is in on Wednesday mornings",
        "每周三 9:00 至 11:30 在社区服务站二楼。\n\n可以：\n- 量血压、测血糖\n- 续开慢性病常用药\n- 问用药和检查结果\n\n请带身份证和医保卡。",
        "Every Wednesday from 9:00 to 11:30, second floor of the service station.\n\nYou can:\n- have your blood pressure and blood sugar taken\n"
        "- renew usual medicine for a chronic illness\n- ask about medicine and test results\n\nBring your identity card and health insurance card.",
        AnnouncementKind.clinic,
    )
    _published(community, clinic, 6)
    tea = AnnouncementText(
        "周六长者茶话会，欢迎带孙辈",
        "Tea for older residents on Saturday, grandchildren welcome",
        "本周六 14:30，榕树下小广场。有热茶和点心，志愿者帮忙调手机大字版。\n下雨改在服务站一楼。",
        "This Saturday at 14:30 on the square under the banyan. Tea and snacks; volunteers help to set phones to large text.\nIf it rains: ground floor of the station.",
        AnnouncementKind.event,
        until_at=now + timedelta(days=4),
        volunteer_en=True,
    )
    _published(community, tea, 2)
    flu = AnnouncementText(
        "60 岁以上居民免费接种流感疫苗",
        "Free flu vaccination for residents of 60 and over",
        "凭身份证到各镇街社区卫生服务中心接种，至本月底。详情见 https://www.panyu.gov.cn/ 。",
        "With your identity card at the health centre of your town or street, until the end of the month. Details: https://www.panyu.gov.cn/ .",
        AnnouncementKind.clinic,
        until_at=now + timedelta(days=20),
    )
    _published(district, flu, 3)
    lift = AnnouncementText(
        "7 栋电梯检修已完成",
        "The lift of building 7 has been serviced",
        "感谢大家的耐心。",
        "Thank you for your patience.",
        until_at=now - timedelta(days=5),
    )
    _published(community, lift, 12)
    draft = AnnouncementText("春节前大扫除义工招募", "", "每栋需要四位义工，请到服务站报名。", "", AnnouncementKind.event)
    operations.write_announcement(SEED, community, None, draft)


def _text(title_zh: str, title_en: str, body_zh: str, body_en: str, days: int, unit: Unit) -> PostingText:
    return PostingText(title_zh, title_en, body_zh, body_en, days, unit, "《广东省村务公开条例》", "姓名隐去一字，如 王*芳；电话只留末四位")


def _postings(community: int) -> None:
    """Running with one answered objection; taken down early and up again; over; closed; a draft."""
    allowance = _text(
        "高龄津贴新增名单公示（第四季度）",
        "New recipients of the old age allowance, fourth quarter",
        "以下 6 位居民符合条件，拟从下月起发放：\n1. 王*芳（1946）\n2. 陈*（1945）\n3. 梁*珍（1946）\n4. 黄*（1944）\n5. 何*英（1946）\n6. 李*强（1945）",
        "These 6 residents meet the conditions; payment begins next month:\n1. Wang * Fang (1946)\n2. Chen * (1945)\n3. Liang * Zhen (1946)\n"
        "4. Huang * (1944)\n5. He * Ying (1946)\n6. Li * Qiang (1945)",
        7,
        Unit.working_day,
    )
    with clock.frozen(clock.now() - timedelta(days=3)):
        running = operations.draft_posting(SEED, community, None, allowance)
        operations.put_up(SEED, running.id, running.lock_version)
        said = operations.object_to(SEED, running.id, "名单里少了 5 栋的邻居，她上个月满 80 岁。", name="黄小姐", contact="020-0000 0188")
    operations.answer_objection(
        SEED,
        said.id,
        "已核实：该居民生日在下月，届时列入下一季度名单。",
        "Checked: her birthday is next month; she is on the next quarter's list.",
    )
    operations.object_to(SEED, running.id, "请公布评定依据。", name="何先生", contact="he@example.cn")
    lane = _text(
        "榕荫里路灯改造方案公示",
        "Plan for new street lamps in Rongyin Lane",
        "拟更换 24 盏路灯，夜间 23 点后调暗一半。意见请于公示期内提出。",
        "24 lamps are to be replaced and dimmed by half after 23:00. Say what you think while this hangs.",
        15,
        Unit.calendar_day,
    )
    with clock.frozen(clock.now() - timedelta(days=9)):
        removed = operations.draft_posting(SEED, community, None, lane)
        operations.put_up(SEED, removed.id, removed.lock_version)
    with clock.frozen(clock.now() - timedelta(days=2)):
        operations.take_down(SEED, removed.id, "公告栏维修，公示纸被取下两天。")
    _over(community)
    parking = _text("非机动车停放点设置公示", "Places for bicycles and scooters", "拟在 3、7、11 栋旁设置停放点。", "Beside buildings 3, 7 and 11.", 7, Unit.calendar_day)  # fmt: skip
    operations.draft_posting(SEED, community, None, parking)


def _over(community: int) -> None:
    """One whose period is over, one closed with its outcome."""
    tree = _text("修剪榕树枝条公示", "Pruning of the banyan", "拟修剪伸入 2 栋阳台的枝条。", "Branches that reach the balconies of building 2 are to be pruned.", 5, Unit.working_day)  # fmt: skip
    fund = _text("上半年社区慈善金使用情况公示", "Use of the community charity fund, first half", "收入 12,600 元，支出 9,850 元，结余 2,750 元。", "Income 12,600 yuan, spent 9,850, left 2,750.", 5, Unit.working_day)  # fmt: skip
    with clock.frozen(clock.now() - timedelta(days=30)):
        rows = [operations.draft_posting(SEED, community, None, text) for text in (tree, fund)]
        for row in rows:
            operations.put_up(SEED, row.id, row.lock_version)
    with clock.frozen(clock.now() - timedelta(days=15)):
        operations.end_due_postings()
        closed = rows[1]
        db.session.refresh(closed)
        outcome = ("公示期内无异议，账目存档备查。", "No objection came in; the accounts are kept for inspection.")
        operations.close_posting(SEED, closed.id, closed.lock_version, *outcome)
