"""The EHR's own look (SMART's smart_style_url): only what is plainly a colour, size or font, and readable."""

import re
from typing import Any

from msgspec import DecodeError, json

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_SIZE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)(px|pt|em|rem)")
_FONTS = re.compile(r"""(?:[A-Za-z][A-Za-z0-9 -]{0,40}|'[A-Za-z0-9 -]{1,40}'|"[A-Za-z0-9 -]{1,40}")""")
_COLOURS = (
    "color_background", "color_error", "color_highlight", "color_modal_backdrop", "color_success", "color_text",
)  # fmt: skip
_SIZES = {"dim_border_radius": (0, 24), "dim_font_size": (11, 22), "dim_spacing_size": (6, 32)}  # pixels that we bear
_FONT_KEYS = ("font_family_body", "font_family_heading")
_PIXELS = {"px": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0}
_READABLE = 4.5  # contrast, as WCAG 2 asks of text
_PAGE, _PANEL, _INK = "#eef2f5", "#ffffff", "#17252f"


def css_of(fetched: bytes) -> str:
    """The custom properties that app.css uses; empty for anything that is no style."""
    try:
        style = json.decode(fetched)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if not isinstance(style, dict):
        return ""
    taken = _without_unreadable(_colours(style)) | _sizes(style) | _fonts(style)
    lines = "".join(f"  --smart-{name.replace('_', '-')}: {value};\n" for name, value in taken.items())
    return f":root {{\n{lines}}}\n" if lines else ""


def _text(style: dict[str, Any], key: str) -> str:
    value = style.get(key)
    return value.strip() if isinstance(value, str) else ""


def _colours(style: dict[str, Any]) -> dict[str, str]:
    given = {key: _text(style, key) for key in _COLOURS}
    return {key: value.lower() for key, value in given.items() if _COLOUR.fullmatch(value)}


def _without_unreadable(colours: dict[str, str]) -> dict[str, str]:
    """Text must be readable on the page and on its white panels, and white on the highlight; else ours stays."""
    text, page = colours.get("color_text", _INK), colours.get("color_background", _PAGE)
    if min(_contrast(text, page), _contrast(text, _PANEL)) < _READABLE:
        colours = {key: value for key, value in colours.items() if key not in ("color_text", "color_background")}
    marks = ("color_highlight", "color_error", "color_success")
    faint = {key for key in marks if key in colours and _contrast(colours[key], _PANEL) < _READABLE}
    return {key: value for key, value in colours.items() if key not in faint}


def _sizes(style: dict[str, Any]) -> dict[str, str]:
    taken = {}
    for key, (least, most) in _SIZES.items():
        written = _SIZE.fullmatch(_text(style, key))
        if written and least <= float(written[1]) * _PIXELS[written[2]] <= most:
            taken[key] = written[0]
    return taken


def _fonts(style: dict[str, Any]) -> dict[str, str]:
    given = {key: [font.strip() for font in _text(style, key).split(",")] for key in _FONT_KEYS}
    return {key: ", ".join(fonts) for key, fonts in given.items() if all(map(_FONTS.fullmatch, fonts))}


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
