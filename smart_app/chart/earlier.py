"""What the CDS service knew of the same patient: the card that led here, and what was answered to earlier ones."""

from collections.abc import Iterator

from ehr.addresses import server_address
from ehr.trust import Trust, may_send_token_to
from journal.cards import EarlierCard, answered_cards, card
from journal.journal import Journal
from journal.known import Known, Place, answers_of, known, since
from second_opinion.limits import Limits
from second_opinion.planned_surgery import PlannedSurgery, as_told
from second_opinion.record import Answer, PatientRecord
from smart_app.launches import Launch


def places(trust: Trust, launch: Launch) -> Iterator[Place]:
    """Under which names its hook calls may have come: the clients that may have us read this server.

    Without any client in the trust file calls come from nobody in particular, as they do in the demo.
    """
    server = server_address(launch.iss) or launch.iss
    clients = {client.iss for client in trust.cds_clients if may_send_token_to(client, launch.iss)}
    for client in sorted(clients) or [""]:
        for tenant in dict.fromkeys((launch.tenant, "")):
            yield Place(client, tenant, server)


def card_behind(journal: Journal, trust: Trust, launch: Launch) -> EarlierCard | None:
    """The card whose link was followed: what a link says is only believed of this very patient. Raises JournalDown."""
    for place in places(trust, launch) if launch.card else ():
        found = card(journal.database, launch.card, place.client)
        if found and found.patient == _known(journal, place, launch, None).patient:
            return found
    return None


def surgery_of(found: EarlierCard) -> PlannedSurgery:
    """The operation that the card was about, when the chart does not show it: an order may not be saved yet."""
    return as_told(found.kind, frozenset(found.regions))


def earlier_answers(
    journal: Journal, trust: Trust, launch: Launch, record: PatientRecord, surgery: PlannedSurgery, limits: Limits
) -> tuple[Answer, ...]:
    """`limits`: of the page on silence. Raises JournalDown."""
    first = since(record.as_of, limits)
    return tuple(
        answer
        for place in places(trust, launch)
        for now in [_known(journal, place, launch, surgery)]
        for answer in answers_of(answered_cards(journal.database, now.client, now.patient, first), now)
    )


def _known(journal: Journal, place: Place, launch: Launch, surgery: PlannedSurgery | None) -> Known:
    return known(journal.keys, place, f"Patient/{launch.patient}", launch.user, surgery)
