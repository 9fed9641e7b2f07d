"""The language of vignettes: what is written wrong is named, with the file, the vignette and what to write instead."""

from datetime import date

import pytest

from fixtures import vignettes
from fixtures.vignettes import chart
from second_opinion.errors import KnowledgeError

AS_OF = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("when", "what", "says"),
    [
        ("today", "operation of the spine", "not a chart line"),
        ("today", "Surgery CPT 22612 lumbar fusion", "not a chart line"),
        ("some time ago", "Procedure CPT 97110 exercise therapy", "Write 'today', '50 days ago'"),
        ("6w ago", "Procedure CPT 97110 exercise therapy", "not a time: '6w ago'"),
        ("today", "Procedure CPT 97110 exercise therapy [stauts=completed]", "knows nothing of"),
    ],
)
def test_a_line_that_is_written_wrong_says_what_to_write(when: str, what: str, says: str) -> None:
    with pytest.raises(KnowledgeError, match=says):
        chart([{when: what}], AS_OF)


def test_a_wrong_line_names_its_file_and_vignette() -> None:
    text = "rule: silence\nas_of: 2026-11-22\nvignettes:\n- name: Wrong\n  chart:\n  - today: Nothing\n"
    with pytest.raises(KnowledgeError, match=r"vignettes/silence\.yaml, 'Wrong': not a chart line"):
        list(vignettes._read("silence.yaml", text))


def test_a_time_may_lie_ahead_or_be_a_date() -> None:
    lines = [{"in 3 weeks": "Appointment CPT 22612 lumbar fusion"}, {"2024-05-02": "Procedure CPT 63030 discectomy"}]
    booked, done = chart(lines, AS_OF)[1:]
    assert (booked["start"][:10], done["performedDateTime"]) == ("2026-12-13", "2024-05-02")


def test_an_answer_that_cannot_be_read_is_named() -> None:
    text = "rule: silence\nas_of: 2026-11-22\nvignettes:\n- name: Wrong\n  chart:\n  - today: Answer urgent [of=me]\n"
    with pytest.raises(KnowledgeError, match=r"'Wrong': not an answer: 'Answer urgent \[of=me\]'"):
        list(vignettes._read("silence.yaml", text))
