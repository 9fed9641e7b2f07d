"""The referral that a choice makes: the order, the packet filed with it if that was asked for, and both in words.

Blinded, neither names the planned operation, what it is based on, or who advised it.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import date
from typing import Any

from ehr.referrals import referral
from second_opinion.from_fhir import OWN_REFERRAL
from second_opinion.planned_surgery import operation_words
from second_opinion.referral_targets import Target
from smart_app.acts.previews import Act, part
from smart_app.chart.case import Case
from smart_app.refer.document import TYPE
from smart_app.refer.form import Choice, as_words
from smart_app.refer.packet import Packet, asked_in
from smart_app.refer.pdf import pdf_of
from smart_app.refer.wording import WORDING

Json = dict[str, Any]
THERAPY_REFERRAL = "urn:org.second-opinion:therapy-referral"  # not OWN_REFERRAL: it asks for no second opinion
PDF_NAME = "second-opinion-packet.pdf"
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_EVIDENCE_MOST = 20


def act_of(case: Case, choice: Choice, recipient: Target | None, packet: Packet, on: date) -> Act:
    order = order_of(case, choice, recipient, packet, on)
    title = order["code"]["text"]
    resources: tuple[Json, ...] = (order,)
    if choice.file:
        order["supportingInfo"] = [{"reference": part(0)}, *order.get("supportingInfo", [])]
        resources = (_filed(case, packet), order)
    is_second_opinion = choice.care == "second_opinion"
    return Act(
        action="referral" if is_second_opinion else "therapy",
        title=title,
        resources=resources,
        note=_in_words(title, choice, recipient, packet),
        system=OWN_REFERRAL if is_second_opinion else THERAPY_REFERRAL,
    )


def order_of(case: Case, choice: Choice, recipient: Target | None, packet: Packet, on: date) -> Json:
    launch, assessment = case.launch, case.assessment
    planned, is_second_opinion = assessment.surgery, choice.care == "second_opinion"
    about = planned if is_second_opinion and not choice.blinded else None
    # An operation is advised by who orders it: that the user is somebody else must be known before the user is named.
    may_name_user = not choice.blinded or (planned and planned.requester and launch.user not in planned.requester)
    order = referral(
        choice.care,
        operation_words(about.kind, about.regions) if about else "",
        f"Patient/{launch.patient}",
        on,
        orders=about.orders_behind if about else (),
        requester=launch.user if may_name_user else "",
        encounter="" if choice.blinded else launch.encounter,
        coding=assessment.site.referral if is_second_opinion else None,
    )
    order |= {"status": choice.status, "priority": choice.urgency} | (_to(recipient) if recipient else {})
    said = ([WORDING["blinded_note"]] if choice.blinded else []) + list(packet.questions)
    if said:
        order["note"] = [{"text": "\n".join(said)}]
    if references := list(_evidence(case, packet, choice.blinded))[:_EVIDENCE_MOST]:
        order["supportingInfo"] = [{"reference": each} for each in references]
    return order


def _to(recipient: Target) -> Json:
    named: Json = {"display": recipient.name}
    if recipient.reference.startswith("Location/"):
        return {"locationReference": [named | {"reference": recipient.reference}]}
    if recipient.reference:
        named["reference"] = recipient.reference
    if recipient.identifier:
        named["identifier"] = {"system": recipient.identifier.system, "value": recipient.identifier.value}
    return {"performer": [named]}


def _evidence(case: Case, packet: Packet, blinded: bool) -> Iterable[str]:
    """What the findings rest on; blinded, what the packet shows, but for wishes: those may stand in the very order."""
    assessment = case.assessment
    if blinded:
        shown = [section for section in packet.sections if section.name != "wishes"]
        found = [ref for section in shown for line in section.lines for ref in line.references]
    else:
        found = [evidence.reference for finding in assessment.raising for evidence in finding.evidence]
    orders = assessment.surgery.orders_behind if assessment.surgery else frozenset[str]()
    return dict.fromkeys(each for each in found if _REFERENCE.fullmatch(each) and each not in orders)


def _filed(case: Case, packet: Packet) -> Json:
    """By the day, not by the minute: read anew a moment later, the chart makes the same document."""
    launch = case.launch
    document: Json = {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": TYPE,
        "subject": {"reference": f"Patient/{launch.patient}"},
        "description": packet.title,
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "data": b64encode(pdf_of(packet)).decode(),
                    "title": PDF_NAME,
                    "creation": case.read_at.date().isoformat(),
                }
            }
        ],
    }
    if launch.user and not packet.blinded:
        document["author"] = [{"reference": launch.user}]
    return document


def _in_words(title: str, choice: Choice, recipient: Target | None, packet: Packet) -> str:
    """To copy to a note."""
    lines = [title, *(f"{name}: {said}" for name, said in as_words(choice, recipient)[1:3])]
    lines += [WORDING["blinded_note"]] if choice.blinded else []
    lines += ["Questions:", *(f"- {each}" for each in asked_in(choice.questions))] if choice.questions else []
    for section in packet.sections:
        told = ["; ".join(p for p in (each.when, each.what, each.more) if p) for each in section.lines]
        lines += ["", f"{section.title}:", *(f"- {each}" for each in told), *([section.says] if section.says else [])]
    return "\n".join([*lines, "", packet.evidence])
