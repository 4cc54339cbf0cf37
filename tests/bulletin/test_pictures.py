"""The poster as a picture: drawn with the machine's Chinese font, its code leads to the page, and no letter is a little box.

`dev.py test` installs the font (fonts-noto-cjk) before it begins.
"""

from __future__ import annotations

import dataclasses
import io

import pytest
import segno
from PIL import Image

from civic.bulletin import operations, picture
from civic.core import fonts
from civic.core.atomic import atomic
from tests.support.bulletin import WRITER, announcement_text, posting_text

SHEET = picture.Sheet("活动", "茶话会", "周六见。", ("时间：周六",), "榕荫里", "https://civic.example/a/1", "扫码", "长按")


def drawn(data: bytes) -> Image.Image:
    found = Image.open(io.BytesIO(data))
    assert found.format == "PNG"
    return found.convert("RGB")


def squares(image: Image.Image, address: str) -> list[list[bool]]:
    """The code as a camera sees it: the middle of each square, dark or light."""
    count = segno.make(address, error="m", micro=False).symbol_size(border=4)[0]
    scale = picture.QR_SIDE // count
    left, top, _right, _bottom = picture.code_box(image.height, count * scale)
    middles = [each * scale + scale // 2 for each in range(count)]
    return [[sum(image.getpixel((left + x, top + y))) < 380 for x in middles] for y in middles]  # type: ignore[arg-type]


def told_by(address: str) -> list[list[bool]]:
    return [[bool(each) for each in row] for row in segno.make(address, error="m", micro=False).matrix_iter(border=4)]


def test_the_picture_is_a_png_that_leads_to_the_page(client, make_announcement):
    row = make_announcement(title_zh="㙓头村 𠮷祥里今晚停水", is_urgent=True)
    poster = client.get(f"/bulletin/announcements/{row.uid}/poster", status=200).get_data(as_text=True)
    address = f"/bulletin/announcements/{row.uid}/poster.png?language=zh"
    assert f'<img src="{address}"' in poster
    answer = client.get(address, status=200)
    image = drawn(answer.data)
    assert answer.mimetype == "image/png"
    assert image.width == picture.WIDTH
    assert picture.LOWEST <= image.height <= picture.HIGHEST
    assert len(answer.data) < 300_000
    target = f"http://localhost/bulletin/announcements/{row.uid}"
    assert squares(image, target) == told_by(target)
    assert squares(image, target) != told_by(target.replace("announcements", "announcementz"))
    assert image.getpixel((4, 4))[0] > 100, "the band of an urgent one is red"  # type: ignore[index]
    assert client.get(f"/bulletin/announcements/{row.uid}/poster.png?language=en", status=200).data != answer.data


def test_who_has_the_picture_is_not_sent_it_again_until_its_words_change(client, make_announcement):
    row = make_announcement()
    address = f"/bulletin/announcements/{row.uid}/poster.png?language=en"
    first = client.get(address, status=200)
    tag = first.headers["ETag"]
    again = client.get(address, headers={"If-None-Match": tag}, status=304)
    assert again.data == b""
    operations.correct_announcement(WRITER, row.id, row.lock_version, announcement_text(title_en="Water off tomorrow"))
    assert client.get(address, headers={"If-None-Match": tag}, status=200).headers["ETag"] != tag


def test_a_posting_has_one_too_and_a_draft_has_none(client, make_posting, make_announcement):
    row, draft = make_posting(), make_announcement(publish=False)
    target = f"http://localhost/bulletin/postings/{row.number}"
    image = drawn(client.get(f"/bulletin/postings/{row.number}/poster.png", status=200).data)
    assert squares(image, target) == told_by(target)
    client.get(f"/bulletin/announcements/{draft.uid}/poster.png", status=404)
    client.get(f"/bulletin/postings/{make_posting(put_up=False).number}/poster.png", status=404)
    assert posting_text().title_zh in client.get(f"/bulletin/postings/{row.number}/poster", status=200).get_data(as_text=True)


@pytest.mark.parametrize("kind", ["missing", "no_font"])
def test_without_a_font_the_sheet_to_print_remains(client, make_announcement, monkeypatch, tmp_path, kind):
    row, state = make_announcement(), client.application.extensions["civic"]
    place = tmp_path / "none.ttf"
    if kind == "no_font":
        place.write_bytes(b"these are words, not a font")
    monkeypatch.setattr(state, "settings", dataclasses.replace(state.settings, pdf_font=str(place)))
    page = client.get(f"/bulletin/announcements/{row.uid}/poster", status=200).get_data(as_text=True)
    assert "poster.png" not in page
    assert "今晚停水" in page
    client.get(f"/bulletin/announcements/{row.uid}/poster.png", status=404)


def test_no_letter_becomes_a_little_box():
    family = fonts.family()
    assert family is not None, "fonts-noto-cjk is not installed"
    assert family.drawable("㙓𠮷榕荫里 Water 12:00") == "㙓𠮷榕荫里 Water 12:00"
    forms = {fonts._form(family.bold.at(70), letter) for letter in ("㙓", "𠮷", "榕", fonts.NO_LETTER)}
    assert len(forms) == 4
    assert family.drawable("茶话会🎉\N{VARIATION SELECTOR-16}！") == "茶话会！", "a pictograph is left out"
    assert family.drawable("\U00012000") is None, "a letter is not"  # cuneiform
    assert not picture.can_draw(dataclasses.replace(SHEET, title="\U00012000"), family)


def test_rare_letters_are_drawn_apart(site):
    family = fonts.family()
    assert family is not None
    pictures = {picture.png(dataclasses.replace(SHEET, title=title), family) for title in ("㙓㙓", "𠮷𠮷", "榕榕")}
    assert len(pictures) == 3


def test_long_words_are_cut_with_an_ellipsis_and_say_where_the_rest_is(site):
    family = fonts.family()
    assert family is not None
    drawing = picture._Drawing(family)
    title = drawing._title("加装电梯" * 30)
    assert (len(title.lines), title.cut, title.lines[-1][-1]) == (4, True, "…")
    body = drawing._body("Every owner may object while this hangs. " * 60, 400)
    assert body.cut
    assert body.tall <= 400
    assert body.lines[-1].endswith("...")
    for block in (title, body):
        assert all(block.face.at(block.size).getlength(line) <= block.wide for line in block.lines)
    long = dataclasses.replace(SHEET, title="长" * 120, body="公示内容。\n" * 400)
    assert picture.HIGHEST - 100 < drawn(picture.png(long, family)).height <= picture.HIGHEST


@pytest.mark.parametrize(
    ("text", "never_first", "never_last"),
    [("现将本项目有关事项公示如下，请相关利害关系人（业主）知悉。" * 6, "，。）", "（"), ("看 https://example.cn/" + "a" * 200, "", "")],
)
def test_lines_break_where_a_reader_expects_it(text, never_first, never_last):
    family = fonts.family()
    assert family is not None
    for wide in range(300, 420, 7):
        lines = picture.wrapped(text, family.plain.at(40), wide)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(family.plain.at(40).getlength(line) <= wide for line in lines)
        assert not any(line[0] in never_first for line in lines[1:] if never_first)
        assert not any(line[-1] in never_last for line in lines if never_last)


def test_a_picture_is_not_drawn_while_others_wait_for_the_lock(site):
    family = fonts.family()
    assert family is not None
    with pytest.raises(ValueError, match="before atomic"), atomic():
        picture.png(SHEET, family)
