"""Labelled sentences are in fixtures/statements.yaml; the held-out ones count only together."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statements import counts, labelled, report
from second_opinion.knowledge import read_yaml
from second_opinion.statements import statements_in

ALL = labelled()
TUNED = [sentence for sentence in ALL if not sentence.get("held_out")]
HELD_OUT = [sentence for sentence in ALL if sentence.get("held_out")]
WORDS = sorted({phrase for phrases in read_yaml("statements.yaml")["names"].values() for phrase in phrases.split(", ")})
KINDS = {"plain", "negation", "other subject", "hypothetical", "history", "other surgery", "second opinion", "mixed"}


def stances(text: str) -> list[str]:
    return [statement.stance for statement in statements_in(text)]


@pytest.mark.parametrize("sentence", TUNED, ids=lambda sentence: sentence["text"])
def test_a_sentence_says_what_its_label_says(sentence: dict[str, Any]) -> None:
    assert (stances(sentence["text"]) == sentence["stance"]) is not sentence.get("missed", False)


def test_a_wish_against_surgery_is_seldom_found_where_there_is_none() -> None:
    right, wrong, _ = counts(HELD_OUT, "against_surgery")
    assert right / (right + wrong) >= 0.95


def test_most_held_out_wishes_are_found() -> None:
    for stance in ("against_surgery", "for_surgery", "wants_second_opinion"):
        right, _, missed = counts(HELD_OUT, stance)
        assert right / (right + missed) >= 0.8, stance


def test_the_labelled_sentences_are_many_and_of_every_kind() -> None:
    assert len(ALL) >= 160
    assert len(HELD_OUT) >= 50
    assert not any(sentence.get("missed") for sentence in HELD_OUT)
    assert {sentence["kind"] for sentence in TUNED} == {sentence["kind"] for sentence in HELD_OUT} == KINDS
    assert len({sentence["text"] for sentence in ALL}) == len(ALL)


def test_the_sentence_is_quoted_and_nothing_else() -> None:
    text = "  Seen by Dr. Lee today.  Pt. does not want surgery!\nWill walk more."
    assert [statement.sentence for statement in statements_in(text)] == ["Pt. does not want surgery!"]


def test_each_sentence_speaks_for_itself() -> None:
    text = "I want surgery. I no longer want surgery; I would like a second opinion."
    assert stances(text) == ["for_surgery", "against_surgery", "wants_second_opinion"]


@pytest.mark.parametrize("end", ["?", '?"', '?")', "?!"])
def test_what_is_asked_is_no_wish(end: str) -> None:
    assert stances(f"Wants to avoid surgery{end}") == []


def test_a_question_mark_within_a_sentence_asks_nothing_of_its_wish() -> None:
    assert stances("Stenosis (L4?), wants to avoid surgery.") == ["against_surgery"]


def test_it_stands_for_an_operation_named_just_before() -> None:
    assert stances("We talked about fusion. Patient does not want it.") == ["against_surgery"]
    assert stances("We talked about fusion, then therapy. Patient does not want it.") == []
    assert stances("Patient does not want it.") == []


def test_they_is_the_patient_where_nobody_else_is_named() -> None:
    assert stances("The patient says they do not want surgery.") == ["against_surgery"]
    assert stances("The patient's sons say they do not want surgery.") == []
    assert stances("They do not want surgery.") == []


def test_a_level_is_of_the_spine_and_a_year_is_of_the_past() -> None:
    assert stances("Knee is better. Does not want L4-5 surgery.") == ["against_surgery"]
    assert stances("Patient declined surgery 2014.") == []


def test_nothing_is_said_in_an_empty_text() -> None:
    assert statements_in("") == statements_in(" \n . ") == ()


def test_the_benchmark_reports_every_stance() -> None:
    assert report().count("wants_second_opinion") == 3


texts_of_our_words = st.lists(st.sampled_from([*WORDS, *string.punctuation, "\n", ". ", "Dr.", "2019"])).map(" ".join)


@given(st.text() | texts_of_our_words)
def test_any_text_is_read_and_quotes_are_its_own_words(text: str) -> None:
    for statement in statements_in(text):
        assert statement.sentence
        assert statement.sentence in text
        assert statement.sentence == statement.sentence.strip()
