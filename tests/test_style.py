"""The EHR's own look: taken only where it is plainly a colour, a size or a font, and can be read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.review.style import css_of


def css(**style: object) -> str:
    return css_of(json.dumps(style).encode())


def test_the_known_keys_become_custom_properties() -> None:
    said = css(
        color_background="#f4f4f4", color_text="#222", color_highlight="#0A558C", color_error="#900",
        color_success="#060",
        color_modal_backdrop="#000", dim_border_radius="4px", dim_font_size="13pt", dim_spacing_size="1rem",
        font_family_body="Georgia, 'Times New Roman', serif", font_family_heading='"Open Sans"',
    )  # fmt: skip
    assert said.startswith(":root {")
    assert said.count("--smart-") == 11
    assert "--smart-color-highlight: #0a558c;" in said
    assert "--smart-font-family-body: Georgia, 'Times New Roman', serif;" in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("color_text", "red; } body { display: none"),
        ("color_text", "url(https://elsewhere.example)"),
        ("color_text", "#12345"),
        ("color_text", 7),
        ("color_highlight", "#000\n}"),
        ("dim_font_size", "400px"),
        ("dim_font_size", "calc(1px + 1em)"),
        ("dim_spacing_size", "1"),
        ("font_family_body", "Georgia; }"),
        ("font_family_body", "expression(alert(1))"),
        ("font_family_body", ""),
        ("background_image", "#000"),
    ],
)
def test_anything_else_is_left_out(key: str, value: object) -> None:
    assert css(**{key: value}) == ""


def test_colours_that_cannot_be_read_are_left_out() -> None:
    assert css(color_text="#ffffff") == ""
    assert css(color_text="#777777", color_background="#888888") == ""
    assert css(color_highlight="#ffff00") == ""
    assert css(color_background="#111111") == ""


@pytest.mark.parametrize("fetched", [b"", b"[]", b"no", b"\xff", b"[" * 100_000])
def test_what_is_no_style_is_no_style(fetched: bytes) -> None:
    assert css_of(fetched) == ""


@given(st.dictionaries(st.sampled_from(["color_text", "dim_font_size", "font_family_body"]), st.text()))
def test_no_value_ever_ends_its_own_rule(style: dict[str, str]) -> None:
    said = css_of(json.dumps(style).encode())
    assert said == "" or (said.count("{") == 1 and said.count("}") == 1 and said.count(";") == said.count("\n") - 2)
