"""Small pictures for tests."""

import io

from PIL import Image, ImageDraw, ImageFont


def small_png(color: tuple[int, int, int] = (200, 20, 30), label: str = "Delete") -> bytes:
    """A window with a coloured button, a blue one and some text."""
    image = Image.new("RGB", (420, 240), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=18)
    draw.text((30, 20), "Account settings", fill=(20, 20, 20), font=font)
    for (x, y), fill, text in (((30, 70), color, label), ((230, 150), (20, 60, 190), "Save all")):
        draw.rounded_rectangle((x, y, x + 150, y + 50), 8, fill=fill)
        draw.text((x + 75, y + 25), text, fill="white", font=font, anchor="mm")
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()
