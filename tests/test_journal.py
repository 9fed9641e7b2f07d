"""What the journal keeps, and how it is found again: on SQLite and on PostgreSQL alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from journal_examples import DAY, EHR, NOON, PATIENCE, answer, ask, assessment, card_row, decision, opened, until
from msgspec import json
from sqlalchemy import select

from journal.answers import store_feedback
from journal.cards import Decided, EarlierCard, answered_cards, card, orders_shown
from journal.errors import JournalDown
from journal.journal import Journal
from journal.keys import Keys
from journal.moving import copy_journal
from journal.retention import prune
from journal.tables import assessments
from journal.tokens import Tokens
from second_opinion.errors import SecondOpinionError

LONG_AGO = date(2020, 1, 1)
NOW = 1_800_000_000


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with opened(url) as journal:
        assert journal.database.state() == ""
        yield journal


def written(journal: Journal) -> bool:
    return journal.writer.flush(PATIENCE)


# ---- assessments and cards


def test_an_assessment_is_kept_with_all_it_says(journal: Journal, url: str) -> None:
    journal.writer.put(assessment(id="one"))
    assert written(journal)
    ((day, hook, kind, indicator, silenced),) = ask(
        url, "SELECT as_of, hook, kind, indicator, silenced_by FROM assessments WHERE id = 'one'"
    )
    assert (str(day), hook, kind, indicator, silenced) == ("2026-11-22", "order-sign", "fusion", "warning", None)
    ((findings, lanes, timing),) = ask(url, "SELECT findings, lanes, timing FROM assessments")
    assert as_plain(findings) == [{"rule": "repeat_surgery", "outcome": "concern", "mode": "on"}]
    assert as_plain(lanes)["conditions"] == {"state": "unavailable", "count": 0, "why": "HTTP 403"}
    assert as_plain(timing) == {"total": 12.5, "look_up": 8.0}


def as_plain(value: Any) -> Any:
    """SQLite gives JSON as text."""
    return json.decode(value) if isinstance(value, str) else value


def test_a_call_without_a_planned_operation_is_kept_with_nothing_in_its_place(journal: Journal, url: str) -> None:
    journal.writer.put(assessment(kind=None, regions=None, by=None, orders=(), indicator=None, findings=()))
    assert written(journal)
    assert ask(url, "SELECT count(*) FROM assessments WHERE kind IS NULL AND regions IS NULL AND by IS NULL") == [(1,)]


def test_a_moment_is_kept_in_utc_whatever_its_zone(journal: Journal, url: str) -> None:
    journal.writer.put(assessment(at=datetime(2026, 11, 22, 14, tzinfo=timezone(timedelta(hours=2)))))
    assert written(journal)
    assert str(ask(url, "SELECT at FROM assessments")[0][0]).startswith("2026-11-22 12:00:00")
    kept = journal.database.reading.run(lambda connection: connection.execute(select(assessments.c.at)).scalar_one())
    assert (kept, kept.tzinfo) == (NOON, UTC)


def test_a_card_is_found_for_its_patient_and_client_alone(journal: Journal) -> None:
    journal.writer.put(assessment(), card_row(uuid="card-1"))
    assert written(journal)
    found = card(journal.database, "card-1", EHR)
    assert found == EarlierCard(
        card="card-1",
        on=DAY,
        patient="patient-hash",
        user="user-hash",
        orders=("order-hash",),
        kind="fusion",
        regions=("lumbar",),
        suggestions={"a-suggestion": "second_opinion"},
        decisions=(),
    )
    assert orders_shown(journal.database, EHR, "patient-hash", "user-hash", LONG_AGO) == {"order-hash"}
    assert orders_shown(journal.database, EHR, "patient-hash", "another user", LONG_AGO) == set()
    assert orders_shown(journal.database, EHR, "another patient", "user-hash", LONG_AGO) == set()
    assert orders_shown(journal.database, "https://another.example", "patient-hash", "user-hash", LONG_AGO) == set()
    assert card(journal.database, "card-1", "https://another.example") is None
    assert card(journal.database, "no-card", EHR) is None


def test_cards_and_answers_count_only_since_the_day_asked_for(journal: Journal) -> None:
    days = [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)]
    for day in days:
        journal.writer.put(assessment(), card_row(uuid=str(day), as_of=day, orders=(str(day),)))
        store_feedback(journal.database, journal.keys, [answer(card=str(day))], [decision(card=str(day), since=day)])
    assert written(journal)
    since = days[1]
    assert orders_shown(journal.database, EHR, "patient-hash", "user-hash", since) == {"2026-11-21", "2026-11-22"}
    found = answered_cards(journal.database, EHR, "patient-hash", since)
    assert {each.card for each in found} == {"2026-11-21", "2026-11-22"}


def put_cards(journal: Journal, count: int) -> None:
    """Numbered, each a day older than the one before, about an order of its own."""
    for number in range(count):
        day = DAY - timedelta(number)
        journal.writer.put(assessment(), card_row(uuid=str(number), as_of=day, orders=(str(number),)))
    assert written(journal)


def test_however_many_cards_a_patient_got_only_the_latest_are_taken(journal: Journal) -> None:
    put_cards(journal, 201)
    decided = [decision(card=str(number), since=DAY - timedelta(number)) for number in range(201)]
    store_feedback(journal.database, journal.keys, [answer(card="0")], decided)
    latest = {str(number) for number in range(200)}
    assert {each.card for each in answered_cards(journal.database, EHR, "patient-hash", LONG_AGO)} == latest
    assert orders_shown(journal.database, EHR, "patient-hash", "user-hash", LONG_AGO) == latest


def test_an_answer_holds_however_many_cards_came_after_it(journal: Journal) -> None:
    put_cards(journal, 300)
    store_feedback(journal.database, journal.keys, [answer(card="299")], [decision(card="299")])
    assert [each.card for each in answered_cards(journal.database, EHR, "patient-hash", LONG_AGO)] == ["299"]


def test_an_answer_that_came_before_its_card_counts_once_the_card_is_there(journal: Journal) -> None:
    store_feedback(journal.database, journal.keys, [answer(card="card-1")], [decision(card="card-1")])
    assert answered_cards(journal.database, EHR, "patient-hash", LONG_AGO) == []
    journal.writer.put(assessment(), card_row(uuid="card-1"))
    assert written(journal)
    assert [each.card for each in answered_cards(journal.database, EHR, "patient-hash", LONG_AGO)] == ["card-1"]


def test_what_is_put_twice_is_kept_once(journal: Journal, url: str) -> None:
    row, shown = assessment(), card_row()
    journal.writer.put(row, shown)
    journal.writer.put(row, shown)
    assert written(journal)
    assert ask(url, "SELECT (SELECT count(*) FROM assessments), (SELECT count(*) FROM cards)") == [(1, 1)]


# ---- feedback and decisions


def test_an_answer_is_kept_and_its_comment_sealed(journal: Journal, url: str) -> None:
    assert store_feedback(journal.database, journal.keys, [answer()]) == 1
    ((outcome, reason, at, comment),) = ask(url, "SELECT outcome, reason, outcome_at, comment FROM feedback")
    assert (outcome, reason, at) == ("overridden", "urgent", "2026-11-22T12:00:00Z")
    assert "Motor" not in comment
    assert journal.keys.opened(comment) == "Motor deficit since this morning"


def test_an_answer_without_a_comment_has_none(journal: Journal, url: str) -> None:
    accepted = answer(outcome="accepted", reason=None, comment="", accepted=("a-suggestion",))
    assert store_feedback(journal.database, journal.keys, [accepted]) == 1
    ((reason, accepted_ids, comment),) = ask(url, "SELECT reason, accepted, comment FROM feedback")
    assert (reason, as_plain(accepted_ids), comment) == (None, ["a-suggestion"], None)


def test_the_same_answer_sent_again_is_stored_once(journal: Journal, url: str) -> None:
    again = answer(received_at=NOON + timedelta(hours=1))
    assert store_feedback(journal.database, journal.keys, [answer(), again], [decision(), decision()]) == 1
    assert store_feedback(journal.database, journal.keys, [again], [decision()]) == 0
    assert ask(url, "SELECT (SELECT count(*) FROM feedback), (SELECT count(*) FROM decisions)") == [(1, 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"card": "another"},
        {"client": "https://another.example"},
        {"outcome": "accepted"},
        {"reason": None},
        {"accepted": ("a-suggestion",)},
        {"comment": "More words"},
        {"outcome_at": "2026-11-22T12:00:01Z"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_answer_that_differs_in_anything_is_another(journal: Journal, change: dict[str, object]) -> None:
    assert store_feedback(journal.database, journal.keys, [answer(), answer(**change)]) == 2


def test_nothing_to_store_is_stored(journal: Journal) -> None:
    assert store_feedback(journal.database, journal.keys, []) == 0


def test_a_character_that_postgresql_cannot_hold_is_left_out(journal: Journal, url: str) -> None:
    odd = answer(outcome_at="2026\0", accepted=("a\0b",), comment="a\0b")
    assert store_feedback(journal.database, journal.keys, [odd]) == 1
    assert ask(url, "SELECT outcome_at FROM feedback") == [("2026",)]


def test_a_card_comes_with_what_was_decided_on_it(journal: Journal) -> None:
    for uuid in ("card-1", "card-2"):
        journal.writer.put(assessment(), card_row(uuid=uuid))
    decided = [decision(card="card-1", reason="urgent"), decision(card="card-1", reason="care-done-elsewhere")]
    store_feedback(journal.database, journal.keys, [answer(card="card-1")], decided)
    assert written(journal)
    (first,) = answered_cards(journal.database, EHR, "patient-hash", LONG_AGO)
    until = date(2027, 2, 20)
    assert first.decisions == (Decided("care-done-elsewhere", DAY, until), Decided("urgent", DAY, until))
    assert card(journal.database, "card-1", EHR) == first
    second = card(journal.database, "card-2", EHR)
    assert second and second.decisions == ()


def test_a_decision_of_another_client_on_the_same_card_counts_for_nothing(journal: Journal) -> None:
    journal.writer.put(assessment(), card_row(uuid="card-1"))
    store_feedback(journal.database, journal.keys, [], [decision(card="card-1", client="https://another.example")])
    assert written(journal)
    found = card(journal.database, "card-1", EHR)
    assert found and found.decisions == ()


def test_an_answer_stored_before_its_card_counts_once_the_card_is_there(journal: Journal) -> None:
    store_feedback(journal.database, journal.keys, [answer(card="card-1")], [decision(card="card-1")])
    journal.writer.put(assessment(), card_row(uuid="card-1"))
    assert written(journal)
    found = card(journal.database, "card-1", EHR)
    assert found and [each.reason for each in found.decisions] == ["urgent"]


# ---- tokens


def test_a_token_is_good_once_for_each_client(journal: Journal, url: str) -> None:
    spend = journal.tokens.spend
    assert spend(EHR, "jti-1", NOW + 300, NOW)
    assert not spend(EHR, "jti-1", NOW + 300, NOW)
    assert spend("https://another.example", "jti-1", NOW + 300, NOW)
    assert spend(EHR, "jti-2", NOW + 300, NOW)
    with opened(url) as another_worker:
        assert not another_worker.tokens.spend(EHR, "jti-1", NOW + 300, NOW)


def test_of_many_calls_with_one_token_exactly_one_succeeds(journal: Journal, url: str) -> None:
    def all_is_well() -> bool:
        return journal.database.state() + another.database.state() == ""

    judged = 0
    with opened(url) as another, ThreadPoolExecutor(16) as threads:
        workers = [journal.tokens, another.tokens] * 8
        while judged < 10:
            jti = str(uuid4())
            spent = sum(threads.map(lambda worker, jti=jti: worker.spend(EHR, jti, NOW + 300, NOW), workers))
            assert spent in (1, 2)
            if all_is_well():  # on a machine with far too much to do, each worker may fall back to its own memory
                assert spent == 1
                judged += 1
            until(all_is_well)


def test_expired_tokens_are_forgotten_now_and_then(journal: Journal, url: str) -> None:
    for number in range(99):
        assert journal.tokens.spend(EHR, f"old-{number}", NOW - 1, NOW - 10)
    assert ask(url, "SELECT count(*) FROM tokens") == [(99,)]
    assert journal.tokens.spend(EHR, "new", NOW + 300, NOW)
    assert ask(url, "SELECT count(*) FROM tokens") == [(1,)]


def test_a_token_that_expires_beyond_all_dates_is_remembered_too(journal: Journal) -> None:
    assert journal.tokens.spend(EHR, "forever", 10**30, NOW)
    assert not journal.tokens.spend(EHR, "forever", 10**30, NOW)


def test_the_memory_of_tokens_is_bounded_and_the_database_still_knows_them(journal: Journal) -> None:
    tokens = Tokens(journal.database, journal.keys, most=10)
    assert all(tokens.spend(EHR, f"{number}", NOW + 300, NOW) for number in range(11))
    assert not tokens.spend(EHR, "0", NOW + 300, NOW)


# ---- keys


def test_an_identifier_has_one_hash_for_each_purpose_and_secret() -> None:
    ours, theirs = Keys("one secret"), Keys("another secret")
    assert ours.hashed("patient", EHR, "123") == Keys("one secret").hashed("patient", EHR, "123")
    hashes = [ours.hashed("patient", EHR, "123"), ours.hashed("user", EHR, "123"), theirs.hashed("patient", EHR, "123")]
    hashes += [ours.hashed("patient", EHR, "12", "3"), ours.hashed("patient", f"{EHR}123")]
    assert len(set(hashes)) == len(hashes)
    assert {len(each) for each in hashes} == {64}


def test_a_comment_sealed_with_another_secret_is_refused_with_advice() -> None:
    with pytest.raises(SecondOpinionError, match="SECOND_OPINION_SECRET_KEY"):
        Keys("one secret").opened(Keys("another secret").sealed("words"))


def test_nothing_that_identifies_anybody_is_in_the_files_of_the_database(tmp_path: Path) -> None:
    canaries = ("canary-patient", "canary-user", "canary-order", "canary-jti", "canary comment")
    patient, user, order, jti, comment = canaries
    with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        hashed = journal.keys.hashed
        who: dict[str, Any] = {"patient": hashed("patient", EHR, patient), "user": hashed("user", EHR, user)}
        who["orders"] = (hashed("order", EHR, order),)
        journal.writer.put(assessment(**who), card_row(uuid="card-1", **who))
        store_feedback(journal.database, journal.keys, [answer(card="card-1", comment=comment)])
        assert journal.tokens.spend(EHR, jti, NOW + 300, NOW)
        assert written(journal)
        raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"card-1" in raw and who["patient"].encode() in raw
    assert [canary for canary in canaries if canary.encode() in raw] == []


# ---- retention


def test_what_is_old_is_deleted_and_an_answer_still_in_force_keeps_its_card(journal: Journal, url: str) -> None:
    old = NOON - timedelta(days=800)
    for number in range(600):
        journal.writer.put(assessment(at=old), card_row(uuid=f"old-{number}", at=old))
    journal.writer.put(assessment(), card_row(uuid="new"))
    over, in_force = decision(card="old-0", until=date(2025, 1, 1)), decision(card="old-1", until=date(2027, 1, 1))
    answers = [answer(card="old-0", received_at=old), answer(card="new")]
    store_feedback(journal.database, journal.keys, answers, [over, in_force])
    assert written(journal)
    deleted = prune(journal.database, before=date(2026, 1, 1))
    assert deleted == {"decisions": 1, "cards": 599, "feedback": 1, "assessments": 600, "deeds": 0}
    assert ask(url, "SELECT uuid FROM cards ORDER BY uuid") == [("new",), ("old-1",)]
    assert prune(journal.database, before=date(2026, 1, 1)) == dict.fromkeys(deleted, 0)


# ---- moving


def test_a_journal_moves_to_another_database_with_all_it_knows(url: str, tmp_path: Path) -> None:
    old = f"sqlite:///{tmp_path}/old.sqlite3"
    with opened(old) as journal:
        journal.writer.put(assessment(regions=None), card_row(uuid="card-1"))
        store_feedback(journal.database, journal.keys, [answer(card="card-1")], [decision(card="card-1")])
        assert journal.tokens.spend(EHR, "jti-1", NOW + 300, NOW)
        assert written(journal)
        (known,) = answered_cards(journal.database, EHR, "patient-hash", LONG_AGO)
    each_once = {"assessments": 1, "cards": 1, "decisions": 1, "feedback": 1, "tokens": 1, "launches": 0, "deeds": 0}
    assert copy_journal(old, url) == each_once
    assert copy_journal(old, url) == dict.fromkeys(each_once, 0)
    with opened(url) as journal:
        assert answered_cards(journal.database, EHR, "patient-hash", LONG_AGO) == [known]
        assert not journal.tokens.spend(EHR, "jti-1", NOW + 300, NOW)
        ((comment,),) = ask(url, "SELECT comment FROM feedback")
        assert journal.keys.opened(comment) == answer().comment
    assert ask(url, "SELECT count(*) FROM assessments WHERE regions IS NULL") == [(1,)]
    assert copy_journal(url, f"sqlite:///{tmp_path}/back.sqlite3") == each_once


def test_a_journal_is_not_moved_to_where_nothing_can_be_written(tmp_path: Path) -> None:
    old, new = f"sqlite:///{tmp_path}/old.sqlite3", f"sqlite:///file:{tmp_path}/new.sqlite3"
    with opened(old) as journal, opened(f"sqlite:///{tmp_path}/new.sqlite3"):
        store_feedback(journal.database, journal.keys, [answer()])
    with pytest.raises(JournalDown, match="readonly"):
        copy_journal(old, f"{new}?mode=ro&uri=true")
