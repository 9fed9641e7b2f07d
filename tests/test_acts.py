"""Whatever is done in the app is shown first, written once, journalled, and undone; or nothing is written, and why."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fhir_server as fake
import pytest
from fhir_server import FakeServer, Handler, Json
from journal_examples import ask, opened
from msgspec.structs import replace
from review_cases import TODAY, case_of
from writable_server import Store, Wrote, store_of, stored

from ehr.trust import Trust
from journal.journal import Journal
from second_opinion.site import AS_SHIPPED
from smart_app.acts.acts import Acts, who
from smart_app.acts.previews import Act, part
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.errors import LaunchEnded, NotDone
from smart_app.launches import Launch

PATIENT = {"resourceType": "Patient", "id": "ruth-keller", "birthDate": "1962-04-02"}
SUBJECT = {"reference": "Patient/ruth-keller"}
ORDER: Json = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": SUBJECT}
NOTE: Json = {
    "resourceType": "QuestionnaireResponse", "status": "completed", "subject": SUBJECT,
    "basedOn": [{"reference": part(0)}],
}  # fmt: skip
REFERRAL = Act(action="referral", title="Referral", resources=(ORDER,), note="Please see her.", system="urn:ours")
TWO = Act(action="discussion", title="Two", resources=(ORDER, NOTE), note="Both.", system="urn:ours")
POST, GET = "POST ServiceRequest", "GET ServiceRequest"


@dataclass
class Room:
    """An app before a server, with one launch."""

    store: Store
    journal: Journal
    acts: Acts
    case: Case
    url: str
    renewals: list[Launch] = field(default_factory=list)
    is_over: bool = False
    changed: list[str] = field(default_factory=list)

    @property
    def orders(self) -> list[Json]:
        return self.store.of("ServiceRequest")

    def rows(self) -> list[tuple[Any, ...]]:
        return ask(self.url, 'SELECT action, undone_at, resources, patient, "user", launch FROM deeds')

    def do(self, act: Act = REFERRAL) -> Any:
        preview = self.acts.preview(self.case, act)
        return self.acts.do(self.case, preview, preview.digest)


@pytest.fixture
def room(url: str) -> Iterator[Room]:
    with store_of(PATIENT) as store, opened(url) as journal:
        yield from room_in(store, journal, url)


@pytest.fixture
def hasty(url: str) -> Iterator[Room]:
    """The same for what is waited for in vain."""
    with store_of(PATIENT) as store, opened(url) as journal:
        yield from room_in(store, journal, url, seconds=1.0)


def room_in(store: Store, journal: Journal, url: str, seconds: float = 60.0) -> Iterator[Room]:
    launch = Launch(
        id="launch-1", form_key="key", iss=store.url, patient="ruth-keller", user="Practitioner/7",
        scopes=frozenset(("user/*.cruds",)), card="a-card",
    )  # fmt: skip

    def renewed(launch: Launch) -> Launch:
        if here.is_over:
            raise LaunchEnded("Open the app again.")
        here.renewals.append(launch)
        return replace(launch, access_token="new")  # noqa: S106

    case = replace(case_of("failed-fusion", launch), patient=PATIENT)
    app = App("http://localhost", lambda: TODAY, AS_SHIPPED, Trust("http://localhost"), journal, lambda _: launch,
              renewed, lambda _: case)  # fmt: skip
    acts = Acts(app, seconds, lambda launch: here.changed.append(launch.id))
    here = Room(store, journal, acts, case, url)
    yield here
    acts.close()


@pytest.mark.parametrize("name", ["\0", "\0" * 64, "x" * 100_000, "é'\"--", "../../x"])
def test_a_deed_of_a_name_that_nobody_gave_is_unknown(room: Room, name: str) -> None:
    assert room.acts.deeds.get(name, room.case.launch.id) is None
    with pytest.raises(NotDone, match="knows nothing of that"):
        room.acts.undo(room.case, name)


# ---- once


def test_what_is_written_is_what_was_shown(room: Room) -> None:
    preview = room.acts.preview(room.case, REFERRAL)
    deed = room.acts.do(room.case, preview, preview.digest)
    (order,) = room.orders
    assert [each.reference for each in deed.parts] == [f"ServiceRequest/{order['id']}"]
    assert '"status": "active"' in preview.shown[0]
    assert room.store.requests("POST")[0].resource == preview.to_write[0][0]
    assert order["identifier"][0]["value"] in preview.shown[0]
    assert (deed.state, deed.action, deed.undone_at) == ("done", "referral", None)


def test_the_same_confirmed_twice_is_written_once(room: Room) -> None:
    assert room.do() == room.do()
    assert len(room.orders) == len(room.rows()) == len(room.store.requests("POST")) == 1


def test_what_was_written_or_withdrawn_is_told_so_that_the_chart_is_read_anew(room: Room) -> None:
    room.acts.undo(room.case, room.do().id)
    assert room.changed == ["launch-1", "launch-1"]


def test_a_page_sent_again_is_done_though_the_chart_has_it_by_now(room: Room) -> None:
    deed = room.do()
    now = room.acts.preview(room.case, replace(REFERRAL, resources=(ORDER | {"priority": "stat"},)))
    assert room.acts.do(room.case, now, deed.id) == deed
    room.acts.undo(room.case, deed.id)
    with pytest.raises(NotDone, match="look at it once more"):
        room.acts.do(room.case, now, deed.id)


def test_two_clicks_at_the_same_time_write_once(room: Room) -> None:
    """Even on a server that looks for what is there already and writes it in two steps."""

    def slow(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        threading.Event().wait(0.2)
        stored(server, handler, asked)

    room.store.ways[POST] = slow
    with ThreadPoolExecutor(6) as threads:
        deeds = list(threads.map(lambda _: room.do(), range(6)))
    assert len(room.store.requests("POST")) == len(room.orders) == 1
    assert len({deed.id for deed in deeds}) == 1 and {deed.state for deed in deeds} == {"done"}


def test_two_workers_write_once(room: Room) -> None:
    """Each has a journal of its own, on one database; the server would take everything it is sent."""

    def whatever(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        threading.Event().wait(0.2)
        asked.headers = {**asked.headers, "If-None-Exist": "identifier=none|none"}
        stored(server, handler, asked)

    room.store.ways[POST] = whatever
    with opened(room.url) as other:
        for worker in room_in(room.store, other, room.url):
            with ThreadPoolExecutor(8) as threads:
                deeds = list(threads.map(Room.do, [room, worker] * 4))
    assert len(room.orders) == 1 and len({deed.id for deed in deeds}) == 1


def test_what_differs_in_anything_is_another_deed(room: Room) -> None:
    one = room.do()
    other = room.do(replace(REFERRAL, resources=(ORDER | {"priority": "urgent"},)))
    assert one.id != other.id and len(room.orders) == 2


def test_a_later_resource_refers_to_the_one_written_before_it(room: Room) -> None:
    deed = room.do(TWO)
    (answers,) = room.store.of("QuestionnaireResponse")
    assert answers["basedOn"] == [{"reference": deed.parts[0].reference}]
    assert answers["identifier"]["system"] == "urn:ours"


def test_the_journal_says_what_was_done_and_names_nobody(room: Room) -> None:
    deed = room.do()
    (row,) = room.rows()
    assert row[0] == "referral"
    for secret in ("ruth-keller", "Practitioner/7", "launch-1", deed.parts[0].reference):
        assert not any(secret in str(value) for value in row)
    assert room.acts.deeds.of_launch("launch-1") == (deed,)
    assert room.acts.deeds.of_launch("launch-2") == ()


# ---- nothing is written


def refused(room: Room, act: Act = REFERRAL) -> NotDone:
    with pytest.raises(NotDone) as problem:
        room.do(act)
    return problem.value


def test_what_is_not_what_was_shown_is_not_written(room: Room) -> None:
    shown = room.acts.preview(room.case, REFERRAL)
    now = room.acts.preview(room.case, replace(REFERRAL, resources=(ORDER | {"priority": "stat"},)))
    with pytest.raises(NotDone, match="look at it once more"):
        room.acts.do(room.case, now, shown.digest)
    assert not room.store.asked


@pytest.mark.parametrize(
    ("patient", "words"),
    [
        ({"id": "somebody-else"}, "not the one"),
        ({"resourceType": "Group"}, "not the one"),
        ({"birthDate": "1990-01-01"}, "not the one"),
        ({"active": False}, "no longer used"),
        ({"link": 5, "active": False}, "no longer used"),
        ({"link": [7, {"type": "replaced-by", "other": {"reference": "Patient/2"}}]}, "no longer used"),
        ({"deceasedBoolean": True}, "has died"),
        ({"deceasedDateTime": "2026-01-01"}, "has died"),
        ({"deceasedBoolean": "perhaps"}, "has died"),
    ],
)
def test_when_another_patient_comes_back_nothing_is_written(room: Room, patient: Json, words: str) -> None:
    room.store.ways["GET Patient"] = fake.resource(PATIENT | patient)
    problem = refused(room)
    assert "nothing was written" in str(problem) and not room.orders and not room.rows()
    assert words in str(problem) or "answered with something else" in str(problem)


def test_a_patient_without_a_date_of_birth_is_known_by_the_id(room: Room) -> None:
    room.case = replace(room.case, patient={})
    assert room.do().state == "done"


@pytest.mark.parametrize("way", [fake.status(403), fake.status(404), fake.status(500), fake.hang, fake.drop])
def test_when_the_patient_cannot_be_read_nothing_is_written(hasty: Room, way: fake.Way) -> None:
    hasty.store.ways["GET Patient"] = way
    assert "could not be checked, so nothing was written" in str(refused(hasty))
    assert not hasty.store.requests("POST") and not hasty.rows()


def test_without_the_scope_nothing_is_asked_and_there_is_text_to_copy(room: Room) -> None:
    room.case = replace(room.case, launch=replace(room.case.launch, scopes=frozenset(("user/ServiceRequest.cruds",))))
    preview = room.acts.preview(room.case, TWO)
    assert preview.cannot == (
        "The EHR has not granted this app to write QuestionnaireResponse. Copy the text to your note instead."
    )
    assert preview.act.note == "Both."
    assert str(refused(room, TWO)) == preview.cannot and not room.store.asked


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422])
def test_what_the_ehr_refuses_is_not_done_and_may_be_tried_again(room: Room, status: int) -> None:
    room.store.ways[POST] = fake.first(fake.status(status), stored)
    assert str(status) in str(refused(room)) and not room.rows()
    assert room.do().state == "done" and len(room.orders) == 1


def test_what_is_no_valid_fhir_is_not_even_shown(room: Room) -> None:
    with pytest.raises(ValueError, match="status"):
        room.acts.preview(
            room.case, replace(REFERRAL, resources=({"resourceType": "ServiceRequest", "subject": SUBJECT},))
        )


def test_what_is_about_another_patient_is_not_even_shown(room: Room) -> None:
    with pytest.raises(ValueError, match="not about the patient"):
        room.acts.preview(room.case, replace(REFERRAL, resources=(ORDER | {"subject": {"reference": "Patient/2"}},)))


def test_an_answer_that_was_lost_leaves_it_unknown_and_trying_again_writes_nothing_twice(room: Room) -> None:
    def kept_and_hung(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        assert isinstance(asked, Wrote)
        room.store.kept["ServiceRequest/9"] = asked.resource | {"id": "9", "meta": {"versionId": "1"}}
        fake.drop(server, handler, asked)

    room.store.ways |= {POST: fake.first(kept_and_hung, stored), GET: fake.first(fake.status(500), stored)}
    assert "may or may not have been written" in str(refused(room))
    assert len(room.rows()) == 1
    assert room.do().parts[0].reference == "ServiceRequest/9"
    assert len(room.orders) == len(room.rows()) == 1


def test_what_broke_off_half_way_is_said_and_goes_on_where_it_was(room: Room) -> None:
    room.store.ways["POST QuestionnaireResponse"] = fake.first(fake.status(422), stored)
    problem = refused(room, TWO)
    assert str(problem).startswith("1 of 2 resources were written, then: ") and problem.deed
    assert len(room.orders) == 1
    deed = room.do(TWO)
    assert deed.state == "done" and len(deed.parts) == 2
    assert len(room.orders) == len(room.store.of("QuestionnaireResponse")) == 1


# ---- signed out


def test_a_token_that_is_taken_no_longer_is_renewed_once(room: Room) -> None:
    def only_new(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        (stored if asked.headers["Authorization"] == "Bearer new" else fake.status(401))(server, handler, asked)

    room.store.ways = {"GET Patient": only_new, POST: only_new}
    assert room.do().state == "done"
    assert len(room.renewals) == 1


def test_when_the_new_token_is_refused_too_nothing_is_written(room: Room) -> None:
    room.store.ways[POST] = fake.status(401)
    assert "Open the app from the chart again" in str(refused(room))
    assert len(room.renewals) == 1 and not room.rows()


def test_a_launch_that_is_over_ends_it_and_leaves_no_row(room: Room) -> None:
    room.is_over = True
    room.store.ways[POST] = fake.status(401)
    with pytest.raises(LaunchEnded):
        room.do()
    assert not room.rows()


# ---- undone


def test_what_was_written_is_undone_and_may_be_done_anew(room: Room) -> None:
    deed = room.do(TWO)
    undone = room.acts.undo(room.case, deed.id)
    assert undone.undone_at and room.acts.undo(room.case, deed.id) == undone
    assert not room.orders and not room.store.of("QuestionnaireResponse")
    again = room.do(TWO)
    assert again.id != deed.id and len(room.orders) == 1


@pytest.mark.parametrize("scopes", [("user/*.crus",), ("user/*.cruds",)])
def test_where_nothing_is_deleted_it_is_revoked_or_marked_as_an_error(room: Room, scopes: tuple[str, ...]) -> None:
    room.case = replace(room.case, launch=replace(room.case.launch, scopes=frozenset(scopes)))
    room.store.ways |= {"DELETE ServiceRequest": fake.status(405), "DELETE QuestionnaireResponse": fake.status(405)}
    room.acts.undo(room.case, room.do(TWO).id)
    assert room.orders[0]["status"] == "revoked"
    assert room.store.of("QuestionnaireResponse")[0]["status"] == "entered-in-error"


def test_what_was_undone_only_in_part_is_seen_at_once(room: Room) -> None:
    deed = room.do(TWO)
    room.changed.clear()
    room.store.ways["DELETE ServiceRequest"] = fake.status(500)
    with pytest.raises(NotDone, match="was not withdrawn"):
        room.acts.undo(room.case, deed.id)
    assert room.changed == [room.case.launch.id]


def test_what_was_changed_in_the_ehr_is_not_undone(room: Room) -> None:
    deed = room.do()
    reference = deed.parts[0].reference
    room.store.kept[reference] = room.store.kept[reference] | {"meta": {"versionId": "2"}}
    with pytest.raises(NotDone, match="left as it is"):
        room.acts.undo(room.case, deed.id)
    assert room.orders and room.acts.deeds.get(deed.id, "launch-1") == deed


def test_what_another_launch_did_cannot_be_undone_from_this_one(room: Room) -> None:
    deed = room.do()
    other = replace(room.case, launch=replace(room.case.launch, id="launch-2"))
    with pytest.raises(NotDone, match="knows nothing of that"):
        room.acts.undo(other, deed.id)
    assert room.orders


def test_a_patient_who_has_died_hinders_no_undoing_and_another_patient_does(room: Room) -> None:
    deed = room.do()
    room.store.ways["GET Patient"] = fake.first(
        fake.resource(PATIENT | {"id": "2"}), fake.resource(PATIENT | {"deceasedBoolean": True})
    )
    with pytest.raises(NotDone):
        room.acts.undo(room.case, deed.id)
    assert room.acts.undo(room.case, deed.id).undone_at


# ---- the journal


def test_while_the_journal_is_down_nothing_is_written_and_that_is_said(tmp_path: Path) -> None:
    with store_of(PATIENT) as store, opened(f"sqlite:///{tmp_path}/none/journal.sqlite3") as journal:
        for room in room_in(store, journal, ""):
            preview = room.acts.preview(room.case, REFERRAL)
            assert "journal" in preview.cannot
            assert "journal" in str(refused(room)) and not store.asked
            with pytest.raises(NotDone, match="journal"):
                room.acts.undo(room.case, "x")


def test_a_journal_that_goes_down_after_the_preview_stops_the_writing(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    with store_of(PATIENT) as store, opened(f"sqlite:///{file}") as journal:
        for room in room_in(store, journal, ""):
            preview = room.acts.preview(room.case, REFERRAL)
            go_down(journal, file)
            with pytest.raises(NotDone, match="journal"):
                room.acts.do(room.case, preview, preview.digest)
            assert not store.requests("POST")


def go_down(journal: Journal, file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.mkdir()


def test_what_was_written_when_the_journal_went_down_is_said_to_stand(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    with store_of(PATIENT) as store, opened(f"sqlite:///{file}") as journal:

        def then_down(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
            go_down(journal, file)
            stored(server, handler, asked)

        for room in room_in(store, journal, ""):
            store.ways[POST] = then_down
            assert "It stands in the EHR" in str(refused(room)) and len(room.orders) == 1


def test_what_was_withdrawn_when_the_journal_went_down_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    with store_of(PATIENT) as store, opened(f"sqlite:///{file}") as journal:

        def then_down(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
            go_down(journal, file)
            stored(server, handler, asked)

        for room in room_in(store, journal, ""):
            deed = room.do()
            store.ways["DELETE ServiceRequest"] = then_down
            with pytest.raises(NotDone, match="It was withdrawn, but"):
                room.acts.undo(room.case, deed.id)


# ---- others who do the same


def test_who_broke_off_without_a_word_is_waited_for_and_then_replaced(hasty: Room) -> None:
    preview = hasty.acts.preview(hasty.case, REFERRAL)
    claim(hasty, preview.digest)
    with pytest.raises(NotDone, match="another click") as still:
        hasty.do()
    assert still.value.may_be_written and not hasty.orders
    ask(hasty.url, "UPDATE deeds SET at = '2020-01-01 00:00:00'")
    assert hasty.do().state == "done"


def claim(room: Room, digest: str) -> None:
    """As another worker would."""
    assert room.acts.deeds.begin(digest, "referral", who(room.case.launch), datetime.now(UTC))


@pytest.mark.parametrize("how", ["forgotten", "unknown"])
def test_when_the_other_click_fails_this_one_says_so(room: Room, how: str) -> None:
    digest = room.acts.preview(room.case, REFERRAL).digest
    claim(room, digest)
    fails = threading.Timer(
        0.5, room.acts.deeds.forget if how == "forgotten" else room.acts.deeds.note,
        (digest,) if how == "forgotten" else (digest, "unknown", ()),
    )  # fmt: skip

    def is_the_last_question(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        stored(server, handler, asked)  # after it this click finds that the other has begun
        fails.start()

    room.store.ways["GET Patient"] = fake.first(is_the_last_question, stored)
    assert "begun by another click, and failed" in str(refused(room))
    fails.join()
    assert room.do().state == "done"


def test_what_somebody_who_broke_off_may_have_written_is_not_written_again_unseen(room: Room) -> None:
    """On a server that cannot be asked whether it is there: whoever confirms is told to look first."""

    def knows_no_identifier(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        assert isinstance(asked, Wrote)
        if "If-None-Exist" in asked.headers:
            handler.answer(b"Unknown search parameter 'identifier'", 400)
        else:
            stored(
                server,
                handler,
                Wrote("POST", asked.path, {**asked.headers, "If-None-Exist": "identifier=a|b"}, asked.body),
            )

    room.store.ways[POST] = knows_no_identifier
    claim(room, room.acts.preview(room.case, REFERRAL).digest)
    ask(room.url, "UPDATE deeds SET at = '2020-01-01 00:00:00'")
    with pytest.raises(NotDone, match="Look in the EHR first") as doubt:
        room.do()
    assert doubt.value.may_be_written and not room.orders
    assert room.do().state == "done" and len(room.orders) == 1
