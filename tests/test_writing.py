"""Writing to an EHR's server: each thing once, only what is ours is taken back, and every refusal says what to do."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import fhir_server as fake
import pytest
from fhir_server import FakeServer, Handler, Json
from test_fhir_server_reading import certificate
from writable_server import Store, Wrote, store_of, stored

from ehr.refusals import Refused
from ehr.wire import LATE, NoAnswer, Wire
from ehr.writing import Writing

TOKEN = "canary-77aa"  # noqa: S105
OURS = {"system": "urn:org.second-opinion:referral", "value": "a-1"}
ORDER: Json = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "identifier": [OURS],
               "subject": {"reference": "Patient/1"}}  # fmt: skip
POST, GET, PUT, DELETE = (f"{method} ServiceRequest" for method in ("POST", "GET", "PUT", "DELETE"))


@pytest.fixture
def store() -> Iterator[Store]:
    with store_of() as server:
        yield server


@pytest.fixture
def wire() -> Iterator[Wire]:
    opened = Wire(2)
    yield opened
    opened.close()


@pytest.fixture
def ehr(store: Store, wire: Wire) -> Writing:
    return Writing(wire, store.url, TOKEN, 60.0)


def test_what_is_created_is_read_back_with_reference_and_version(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    assert store.kept[written.reference] == written.resource
    assert (written.version, written.resource["subject"]) == ("1", {"reference": "Patient/1"})
    (asked,) = store.requests("POST")
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["If-None-Exist"] == "identifier=urn%3Aorg.second-opinion%3Areferral|a-1"
    assert asked.headers["Prefer"] == "return=representation"


@pytest.mark.parametrize(
    "odd",
    [
        {"subject": {"reference": "Patient/2"}}, {"subject": {"reference": "Patient/12"}}, {"id": "../Patient/1"},
        {"id": "9?_cascade=delete"}, {"id": {"a": 1}}, {"id": "x" * 65},
    ],
)  # fmt: skip
def test_what_comes_back_of_another_patient_or_without_a_name_is_not_taken_for_ours(
    ehr: Writing, store: Store, odd: Json
) -> None:
    store.ways |= {POST: fake.body(json.dumps(ORDER | {"id": "9"} | odd).encode(), 201), GET: fake.body(b"{}")}
    with pytest.raises(Refused, match="Look for it in the EHR") as refused:
        ehr.create(ORDER, OURS)
    assert refused.value.may_be_written


@pytest.mark.parametrize("subject", ["{url}/Patient/1", "Patient/1/_history/3", "{url}/Patient/1/_history/3"])
def test_a_server_may_spell_the_patient_in_its_own_way(ehr: Writing, store: Store, subject: str) -> None:
    spelled = {"id": "9", "subject": {"reference": subject.format(url=store.url)}}
    store.ways[POST] = fake.body(json.dumps(ORDER | spelled).encode(), 201)
    assert ehr.create(ORDER, OURS).reference == "ServiceRequest/9"


def test_the_same_identifier_is_created_once(ehr: Writing, store: Store) -> None:
    assert ehr.create(ORDER, OURS) == ehr.create(ORDER, OURS)
    assert len(store.of("ServiceRequest")) == 1


def test_a_create_whose_answer_was_lost_is_sent_again_and_stands_once(ehr: Writing, store: Store) -> None:
    def kept_and_dropped(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        assert isinstance(asked, Wrote)
        store.kept["ServiceRequest/9"] = asked.resource | {"id": "9", "meta": {"versionId": "1"}}
        fake.drop(server, handler, asked)

    store.ways[POST] = fake.first(kept_and_dropped, stored)
    assert ehr.create(ORDER, OURS).reference == "ServiceRequest/9"


def heedless(then: fake.Way) -> fake.Way:
    """Writes whatever it is sent, as servers do that do not know If-None-Exist."""

    def written(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        assert isinstance(server, Store) and isinstance(asked, Wrote)
        name = f"new-{len(server.asked)}"
        server.kept[f"ServiceRequest/{name}"] = asked.resource | {"id": name, "meta": {"versionId": "1"}}
        then(server, handler, asked)

    return written


@pytest.mark.parametrize("then", [fake.drop, fake.status(503)])
def test_a_server_that_ignores_if_none_exist_is_searched_before_it_is_sent_the_same_again(
    ehr: Writing, store: Store, then: fake.Way
) -> None:
    store.ways[POST] = heedless(then)
    assert ehr.create(ORDER, OURS).resource == store.of("ServiceRequest")[0]
    assert len(store.requests("POST")) == 1


@pytest.mark.parametrize("way", [fake.drop, *map(fake.status, (400, 401, 403, 404, 500))])
def test_where_that_search_fails_nothing_is_sent_again(ehr: Writing, store: Store, way: fake.Way) -> None:
    store.ways |= {POST: heedless(fake.drop), GET: way}
    with pytest.raises(Refused, match="may or may not have been written"):
        ehr.create(ORDER, OURS)
    assert len(store.of("ServiceRequest")) == 1


def test_what_a_server_finds_that_ignores_identifiers_is_not_taken_for_ours(ehr: Writing, store: Store) -> None:
    store.kept["ServiceRequest/5"] = {**ORDER, "id": "5", "identifier": [{"system": "x", "value": "y"}]}
    store.ways[GET] = fake.resource(fake.page(store.kept["ServiceRequest/5"]))
    assert ehr.find("ServiceRequest", OURS) is None


@pytest.mark.parametrize("status", [202, 204])
def test_what_was_taken_without_a_word_is_searched_for(ehr: Writing, store: Store, status: int) -> None:
    store.ways[POST] = heedless(lambda server, handler, asked: handler.answer(b"", status))
    assert ehr.create(ORDER, OURS).version == "1"


def test_a_create_that_met_a_busy_gateway_is_sent_again(ehr: Writing, store: Store) -> None:
    store.ways[POST] = fake.first(fake.status(503), stored)
    assert ehr.create(ORDER, OURS).version == "1"


@pytest.mark.parametrize("way", [fake.status(502), fake.drop])
def test_when_sending_again_fails_too_nobody_knows_what_was_written(ehr: Writing, store: Store, way: fake.Way) -> None:
    store.ways[POST] = fake.first(way, fake.drop)
    with pytest.raises(Refused, match="may or may not have been written") as refused:
        ehr.create(ORDER, OURS)
    assert refused.value.may_be_written


def bare(status: int, **headers: str) -> fake.Way:
    """Stores it, and sends nothing back but headers."""

    def answer(server: FakeServer, handler: Handler, asked: fake.Asked) -> None:
        assert isinstance(server, Store) and isinstance(asked, Wrote)
        server.kept["ServiceRequest/9"] = asked.resource | {"id": "9", "meta": {"versionId": "4"}}
        handler.answer(b"", status, **{name: value.format(url=server.url) for name, value in headers.items()})

    return answer


@pytest.mark.parametrize("place", ["{url}/ServiceRequest/9/_history/4", "ServiceRequest/9", "{url}/ServiceRequest/9"])
def test_a_server_that_sends_nothing_back_is_read_at_the_place_it_names(ehr: Writing, store: Store, place: str) -> None:
    store.ways[POST] = bare(201, Location=place)
    written = ehr.create(ORDER, OURS)
    assert (written.reference, written.version, written.resource["id"]) == ("ServiceRequest/9", "4", "9")


def test_what_was_written_and_may_not_be_read_is_known_by_its_place(ehr: Writing, store: Store) -> None:
    store.ways |= {POST: bare(201, Location="{url}/ServiceRequest/9/_history/4"), GET: fake.status(403)}
    written = ehr.create(ORDER, OURS)
    assert (written.reference, written.version, written.resource) == ("ServiceRequest/9", "4", {})


@pytest.mark.parametrize("place", ["", "https://elsewhere.example/ServiceRequest/9", "{url}/Task/9/x"])
def test_a_server_that_names_no_place_of_its_own_is_searched_for_our_identifier(
    ehr: Writing, store: Store, place: str
) -> None:
    store.ways[POST] = bare(201, Location=place)
    assert ehr.create(ORDER, OURS).reference == "ServiceRequest/9"
    assert store.requests("GET")[-1].query == {"identifier": f"{OURS['system']}|{OURS['value']}"}


@pytest.mark.parametrize("found", [fake.page(), {"entry": [1]}, {"entry": {}}, {"entry": [{"resource": {}}]}, []])
def test_what_was_taken_and_cannot_be_found_again_is_said(ehr: Writing, store: Store, found: Any) -> None:
    store.ways |= {POST: fake.body(b""), GET: fake.resource(found)}
    with pytest.raises(Refused, match="does not say where it is"):
        ehr.create(ORDER, OURS)


REFUSED_BY = {"issue": [{"severity": "error", "code": "invalid", "diagnostics": "<b>subject</b> " + "is odd " * 90}]}


@pytest.mark.parametrize(
    ("status", "kind", "words", "may_be_written"),
    [
        (302, "refused", "is not followed", False),
        (400, "refused", "refused to write a ServiceRequest (400): b subject /b is odd", False),
        (401, "signed_out", "Open the app from the chart again", False),
        (403, "forbidden", "does not let you, or this app, write a ServiceRequest", False),
        (404, "missing", "could not write a ServiceRequest", False),
        (405, "missing", "does not let apps write a ServiceRequest", False),
        (409, "changed", "Somebody changed it", False),
        (412, "changed", "more than once", False),
        (413, "refused", "larger than", False),
        (422, "refused", "refused to write a ServiceRequest (422): b subject /b is odd", False),
        (429, "busy", "busy", False),
        (500, "broken", "may or may not have been written", True),
        (503, "broken", "may or may not have been written", True),
        (202, "unknown", "does not say where it is", True),
    ],
)
def test_each_refusal_is_named_with_what_to_do_and_the_servers_words_are_harmless(
    ehr: Writing, store: Store, status: int, kind: str, words: str, may_be_written: bool
) -> None:
    store.ways[POST] = lambda server, handler, asked: handler.answer(fake.as_bytes(REFUSED_BY), status, Location="x")
    with pytest.raises(Refused) as refused:
        ehr.create(ORDER, OURS)
    assert words in str(refused.value)
    assert (refused.value.kind, refused.value.may_be_written) == (kind, may_be_written)
    assert "<b>" not in str(refused.value) and len(str(refused.value)) < 500
    assert TOKEN not in str(refused.value) and not store.of("ServiceRequest")


@pytest.mark.parametrize(
    "body", [b'{"id": "\xff"}', b"[" * 100_000, b'{"issue": [{"diagnostics": "\xff"}]}', b'{"x":' + b"[" * 100_000]
)
def test_what_comes_back_may_be_anything(ehr: Writing, store: Store, body: bytes) -> None:
    store.ways |= {POST: fake.first(fake.body(body), fake.status(400)), GET: fake.body(body)}
    with pytest.raises(Refused, match="does not say where it is"):
        ehr.create(ORDER, OURS)
    store.ways[POST] = lambda server, handler, asked: handler.answer(body, 422)
    with pytest.raises(Refused, match=r"\(422\)\.$"):
        ehr.create(ORDER, OURS)


def test_a_server_that_says_its_reasons_in_no_form_we_know_is_not_quoted(ehr: Writing, store: Store) -> None:
    store.ways[POST] = lambda server, handler, asked: handler.answer(b"<html>", 400)
    with pytest.raises(Refused, match=r"refused to write a ServiceRequest \(400\)\.$"):
        ehr.create(ORDER, OURS)


@pytest.mark.parametrize("way", [fake.hang, fake.break_off, fake.flood, fake.drip])
def test_a_write_without_a_whole_answer_may_have_been_made_and_that_is_said(
    wire: Wire, store: Store, way: fake.Way
) -> None:
    store.ways[POST] = way
    with pytest.raises(Refused, match="may or may not have been written") as refused:
        Writing(wire, store.url, TOKEN, 1.0).create(ORDER, OURS)
    assert refused.value.may_be_written


def test_where_there_is_no_server_nothing_was_written_and_that_is_said(wire: Wire) -> None:
    with pytest.raises(Refused, match="Nothing was written") as refused:
        Writing(wire, "http://127.0.0.1:1/fhir", TOKEN, 5.0).create(ORDER, OURS)
    assert not refused.value.may_be_written


def test_without_time_nothing_is_asked(wire: Wire, store: Store) -> None:
    with pytest.raises(Refused, match="Nothing was written"):
        Writing(wire, store.url, TOKEN, 0.0).create(ORDER, OURS)
    assert not store.asked


def test_a_certificate_that_cannot_be_verified_ends_it_before_the_token_is_sent(wire: Wire, tmp_path: Path) -> None:
    with fake.fhir_server(certificate=certificate(tmp_path)) as server:
        with pytest.raises(Refused, match="certificate could not be verified"):
            Writing(wire, server.url, TOKEN, 5.0).create(ORDER, OURS)
        assert not server.asked


def test_a_redirect_takes_no_token_with_it(ehr: Writing, store: Store) -> None:
    with store_of() as elsewhere:
        store.ways[POST] = fake.redirect(f"{elsewhere.url}/ServiceRequest")
        with pytest.raises(Refused):
            ehr.create(ORDER, OURS)
        assert not elsewhere.asked


def test_a_resource_is_updated_only_as_long_as_it_is_the_version_we_know(ehr: Writing) -> None:
    written = ehr.create(ORDER, OURS)
    changed = ehr.update(written.reference, written.resource | {"status": "on-hold"}, written.version)
    assert (changed.version, changed.resource["status"]) == ("2", "on-hold")
    with pytest.raises(Refused, match="changed in the EHR"):
        ehr.update(written.reference, written.resource, written.version)


def test_an_update_that_sends_nothing_back_is_read(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    store.ways[PUT] = fake.body(b"")
    assert ehr.update(written.reference, written.resource, "1") == written


def test_another_resource_than_asked_for_is_not_taken_for_it(ehr: Writing, store: Store) -> None:
    store.ways["GET Patient"] = fake.resource({"resourceType": "Patient", "id": "2"})
    with pytest.raises(Refused, match="answered with something else"):
        ehr.read("Patient/1")


def test_a_read_that_fails_has_written_nothing(ehr: Writing, store: Store) -> None:
    store.ways["GET Patient"] = fake.status(500)
    with pytest.raises(Refused, match="Nothing was written"):
        ehr.read("Patient/1")


# ---- taking back


def test_what_we_wrote_is_deleted(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    ehr.withdraw(written.reference, written.version, OURS, "revoked", may_delete=True)
    assert not store.of("ServiceRequest")
    assert store.requests("DELETE")[0].headers["If-Match"] == 'W/"1"'


@pytest.mark.parametrize("may_delete", [True, False])
def test_where_nothing_may_be_deleted_its_status_says_that_it_is_withdrawn(
    ehr: Writing, store: Store, may_delete: bool
) -> None:
    written = ehr.create(ORDER, OURS)
    store.ways[DELETE] = fake.status(405)
    ehr.withdraw(written.reference, written.version, OURS, "revoked", may_delete)
    assert store.kept[written.reference]["status"] == "revoked"
    assert len(store.requests("DELETE")) == may_delete


def test_what_is_withdrawn_already_is_left_alone(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    for _ in range(2):
        ehr.withdraw(written.reference, written.version, OURS, "revoked", may_delete=False)
    assert len(store.requests("PUT")) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_withdrawn(ehr: Writing, store: Store, status: int) -> None:
    store.ways[GET] = fake.status(status)
    ehr.withdraw("ServiceRequest/9", "1", OURS, "revoked", may_delete=True)
    assert not store.requests("DELETE")


def test_what_somebody_else_withdrew_in_the_meantime_is_withdrawn(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    store.ways |= {DELETE: fake.status(404), GET: fake.first(stored, fake.status(404))}
    ehr.withdraw(written.reference, written.version, OURS, "revoked", may_delete=True)
    assert not store.requests("PUT")


def test_what_was_changed_since_is_left_as_it_is(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    ehr.update(written.reference, written.resource | {"priority": "urgent"}, "1")
    with pytest.raises(Refused, match="left as it is"):
        ehr.withdraw(written.reference, written.version, OURS, "revoked", may_delete=True)
    assert store.kept[written.reference]["priority"] == "urgent"


def test_without_versions_nothing_is_taken_back(ehr: Writing, store: Store) -> None:
    written = ehr.create(ORDER, OURS)
    with pytest.raises(Refused, match="tell versions"):
        ehr.withdraw(written.reference, "", OURS, "revoked", may_delete=True)
    assert store.kept


@pytest.mark.parametrize("identifier", [{}, {"identifier": [{"system": "x", "value": "a-1"}, 5]}, {"identifier": 7}])
def test_what_does_not_carry_our_identifier_is_never_taken_back(ehr: Writing, store: Store, identifier: Json) -> None:
    store.ways[GET] = fake.resource({"resourceType": "ServiceRequest", "id": "9"} | identifier)
    with pytest.raises(Refused, match="does not carry our identifier"):
        ehr.withdraw("ServiceRequest/9", "1", OURS, "revoked", may_delete=True)


def test_one_identifier_without_a_list_is_ours_too(ehr: Writing, store: Store) -> None:
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "identifier": OURS}
    written = ehr.create(response, OURS)
    ehr.withdraw(written.reference, written.version, OURS, "entered-in-error", may_delete=False)
    assert json.loads(store.requests("PUT")[0].body)["status"] == "entered-in-error"


@pytest.mark.parametrize(("way", "status"), [(GET, 500), (DELETE, 500), (DELETE, 412)])
def test_what_cannot_be_withdrawn_is_said(ehr: Writing, store: Store, way: str, status: int) -> None:
    written = ehr.create(ORDER, OURS)
    store.ways[way] = fake.status(status)
    with pytest.raises(Refused):
        ehr.withdraw(written.reference, written.version, OURS, "revoked", may_delete=True)
    assert store.of("ServiceRequest")


def test_where_no_connection_is_had_in_time_nothing_was_sent(wire: Wire) -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # more than may wait: the next one is left hanging
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        with pytest.raises(NoAnswer, match=LATE) as late:
            wire.ask("POST", f"http://127.0.0.1:{full.getsockname()[1]}/", {}, monotonic() + 0.5, 100, b"{}")
    assert not late.value.was_sent
