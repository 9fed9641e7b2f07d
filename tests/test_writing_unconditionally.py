"""Writing to a server that cannot create conditionally by identifier: once all the same, and honest about doubt."""

from collections.abc import Iterator
from contextlib import closing

import fhir_server as fake
import pytest
from fhir_server import Asked, FakeServer, Handler, Json
from writable_server import Store, Wrote, store_of, stored

from ehr.refusals import Refused
from ehr.wire import Wire
from ehr.writing import Writing

OURS = {"system": "urn:org.second-opinion:written", "value": "a-1"}
TALK: Json = {"resourceType": "QuestionnaireResponse", "status": "completed", "identifier": OURS}
POST = "POST QuestionnaireResponse"


@pytest.fixture
def store() -> Iterator[Store]:
    with store_of() as server:
        yield server


@pytest.fixture
def ehr(store: Store) -> Iterator[Writing]:
    with closing(Wire(2)) as wire:
        yield Writing(wire, store.url, "canary-77aa", 5.0)


def only(then: fake.Way, status: int = 400, says: str = "Unknown search parameter 'identifier'") -> fake.Way:
    """What the server does once nothing is asked of it but to write."""

    def way(server: FakeServer, handler: Handler, asked: Asked) -> None:
        if "If-None-Exist" in asked.headers:
            issue = {"severity": "error", "code": "invalid", "diagnostics": says}
            handler.answer(fake.as_bytes({"resourceType": "OperationOutcome", "issue": [issue]}), status)
        else:
            then(server, handler, asked)

    return way


def plainly(server: FakeServer, handler: Handler, asked: Asked) -> None:
    assert isinstance(asked, Wrote)
    headers = {**asked.headers, "If-None-Exist": "identifier=nothing|nothing"}
    stored(server, handler, Wrote(asked.method, asked.path, headers, asked.body))


@pytest.mark.parametrize(("status", "says"), [(400, "Unknown parameter 'identifier'"), (501, "No If-None-Exist here")])
def test_what_cannot_be_created_conditionally_is_created_plainly(
    ehr: Writing, store: Store, status: int, says: str
) -> None:
    store.ways[POST] = only(plainly, status, says)
    written = ehr.create(TALK, OURS)
    assert [written.resource] == store.of("QuestionnaireResponse")


@pytest.mark.parametrize("then", [fake.drop, fake.status(503)])
def test_then_a_write_of_unknown_outcome_is_not_sent_again_and_that_is_said(
    ehr: Writing, store: Store, then: fake.Way
) -> None:
    store.ways[POST] = only(then)
    with pytest.raises(Refused, match="Look in the EHR first") as refused:
        ehr.create(TALK, OURS)
    assert refused.value.may_be_written
    assert len(store.requests("POST")) == 2


@pytest.mark.parametrize("status", [401, 403, 422])
def test_then_a_refusal_is_a_refusal(ehr: Writing, store: Store, status: int) -> None:
    store.ways[POST] = only(fake.status(status))
    with pytest.raises(Refused) as refused:
        ehr.create(TALK, OURS)
    assert (refused.value.status, refused.value.may_be_written) == (status, False)


def test_another_fault_is_not_taken_for_that_one(ehr: Writing, store: Store) -> None:
    store.ways[POST] = only(plainly, says="The status is not known")
    with pytest.raises(Refused, match="The status is not known"):
        ehr.create(TALK, OURS)
    assert not store.of("QuestionnaireResponse")
