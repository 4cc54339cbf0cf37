"""Pictures written anew: right way up, without metadata, at most 40 megapixels.

A large JPEG is decoded at 1/2, 1/4 or 1/8 scale, which needs no memory for the rest; other formats cannot do that and are refused
with their numbers.
"""

from __future__ import annotations

import io
import math

from flask_babel import lazy_gettext as _l
from PIL import Image, ImageOps, UnidentifiedImageError

from civic.core.errors import DomainError

MOST_PIXELS = 40_000_000
SCALES = (1, 2, 4, 8)
QUALITY = 85
Image.MAX_IMAGE_PIXELS = None  # `rewritten` asks before anything is decoded, and lets large JPEGs pass at reduced scale


class PictureTooLarge(DomainError):
    """More pixels than the site decodes."""

    code, status = "picture_too_large", 422
    sentence = _l("“%(name)s” has %(width)s × %(height)s pixels, that is %(megapixels)s megapixels; at most %(most)s are possible.")


class PictureDamaged(DomainError):
    """The decoder gave up."""

    code, status = "picture_damaged", 422
    sentence = _l("“%(name)s” is damaged and cannot be opened as a picture.")


def rewritten(data: bytes, name: str) -> bytes:
    """The picture in its own format, decoded and encoded again.  Raises PictureTooLarge, PictureDamaged."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            _fit(picture, name)
            picture.load()
            return _encoded(ImageOps.exif_transpose(picture), picture.format or "PNG")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise PictureDamaged(name=name) from error


def _fit(picture: Image.Image, name: str) -> None:
    """Reduce a large JPEG before it is decoded, or refuse."""
    width, height = picture.size
    if width * height <= MOST_PIXELS:
        return
    scale = next((s for s in SCALES if math.ceil(width / s) * math.ceil(height / s) <= MOST_PIXELS), None)
    if picture.format != "JPEG" or scale is None:
        raise PictureTooLarge(name=name, width=width, height=height, megapixels=round(width * height / 1e6), most=MOST_PIXELS // 1_000_000)
    picture.draft(None, (width // scale, height // scale))
    if picture.size[0] * picture.size[1] > MOST_PIXELS:
        raise ValueError(f"draft gave {picture.size} instead of 1/{scale}")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    """Bytes without EXIF, profiles, comments or further frames."""
    target = io.BytesIO()
    if kind == "JPEG":
        picture.convert("L" if picture.mode == "L" else "RGB").save(target, "JPEG", quality=QUALITY, optimize=True)
        return target.getvalue()
    flat = picture if picture.mode in {"L", "RGB", "RGBA"} else picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    clean = Image.new(flat.mode, flat.size)  # a new picture carries no info of the old one
    clean.paste(flat)
    clean.save(target, kind, **({"quality": QUALITY} if kind == "WEBP" else {"optimize": True}))
    return target.getvalue()
