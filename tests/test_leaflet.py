"""The leaflet for patients: easy to read, the same in both languages, two pages at most, and promising nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app_beside_an_ehr import Beside, beside
from reading_ease import english_grade, english_syllables, spanish_ease, spanish_syllables

from second_opinion.planned_surgery import TRIGGER_KINDS
from smart_app.leaflet.leaflet import LEAFLETS

_NOT_PROSE = ("language", "kinds", "places", "planned", "draft")


def prose(leaflet: Any) -> Iterator[str]:
    """Everything a patient reads in sentences."""
    if isinstance(leaflet, str):
        yield leaflet
    elif isinstance(leaflet, dict):
        for key, value in leaflet.items():
            if key not in (*_NOT_PROSE, "name"):
                yield from prose(value)
    else:
        for value in leaflet:
            yield from prose(value)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()} | ({"name": value["name"]} if "name" in value else {})
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize(
    ("word", "syllables"), [("spine", 1), ("surgery", 3), ("doctor", 2), ("asked", 1), ("choices", 2), ("opinion", 3)]
)
def test_the_syllables_of_english_are_counted(word: str, syllables: int) -> None:
    assert english_syllables(word) == syllables


@pytest.mark.parametrize(
    ("word", "syllables"),
    [("columna", 3), ("opinión", 3), ("siente", 2), ("quiere", 2), ("guía", 2), ("médico", 3), ("y", 1), ("ahora", 3),
     ("ya", 1), ("cuánto", 2), ("oído", 3), ("espalda", 3), ("cirugía", 4), ("ayudó", 3)],
)  # fmt: skip
def test_the_syllables_of_spanish_are_counted(word: str, syllables: int) -> None:
    assert spanish_syllables(word) == syllables


def test_the_english_leaflet_is_read_in_the_sixth_grade() -> None:
    assert english_grade(prose(LEAFLETS["en"])) <= 6
    assert english_grade(["Multidisciplinary rehabilitation necessitates interdisciplinary communication."]) > 12


def test_the_spanish_leaflet_is_easy_to_read() -> None:
    assert spanish_ease(prose(LEAFLETS["es"])) >= 65
    assert spanish_ease(["La rehabilitación interdisciplinaria requiere una comunicación multidimensional."]) < 40


def test_both_languages_say_the_same_things_in_the_same_places() -> None:
    assert shape(LEAFLETS["en"]) == shape(LEAFLETS["es"])


@pytest.mark.parametrize("language", LEAFLETS)
def test_every_operation_that_can_be_planned_has_plain_words(language: str) -> None:
    assert set(LEAFLETS[language]["kinds"]) == set(TRIGGER_KINDS)


# ---- the pages


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Beside]:
    with beside(tmp_path) as running:
        yield running


def test_the_public_leaflet_needs_no_launch_and_says_nothing_of_a_patient(app: Beside) -> None:
    app.ended = True
    page = app.client.get("/leaflet").text
    assert '<html lang="en">' in page and LEAFLETS["en"]["title"] in page
    assert "fusion" not in page.replace("(fusion)", "")


@pytest.mark.parametrize(
    ("query", "accepts", "language"),
    [("?lang=es", "en", "es"), ("?lang=en", "es", "en"), ("", "es-MX,es;q=0.9", "es"), ("", "fr", "en"),
     ("?lang=%3Cscript%3E", "", "en")],
)  # fmt: skip
def test_the_leaflet_speaks_the_language_asked_for(app: Beside, query: str, accepts: str, language: str) -> None:
    page = app.client.get(f"/leaflet{query}", headers={"Accept-Language": accepts}).text
    assert f'<html lang="{language}">' in page
    assert "<script>" not in page
    other = {"en": "es", "es": "en"}[language]
    assert f'href="?lang={other}" lang="{other}" hreflang="{other}"' in page


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "Your doctor plans surgery to join bones of the spine (fusion) in your lower back."),
        (
            "es",
            "Su médico planea una operación para unir huesos de la columna (fusión) en la parte baja de la espalda.",
        ),
    ],
)
def test_the_leaflet_of_a_launch_names_the_planned_operation_and_nobody(app: Beside, language: str, says: str) -> None:
    page = app.get(f"leaflet?lang={language}").text
    assert says in page
    assert "Ruth" not in page


def test_without_a_known_region_the_leaflet_says_spine_and_without_a_plan_nothing(app: Beside) -> None:
    app.store.kept["ServiceRequest/plan"]["code"] = {"text": "Spinal fusion"}
    assert "in your spine." in app.get("leaflet").text
    del app.store.kept["ServiceRequest/plan"]
    assert "Your doctor plans" not in app.get("leaflet").text
