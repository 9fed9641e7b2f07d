"""The referral pages: the form with what the packet has, and what its preview tells besides the letter."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from second_opinion.planned_surgery import operation_words
from smart_app.acts.pages import ActForm, Told
from smart_app.acts.previews import Act
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.refer.document import document_of
from smart_app.refer.form import OTHER, Choice, as_words, fields_of, read_choice, targets
from smart_app.refer.orders import act_of
from smart_app.refer.packet import Packet, packet_of
from smart_app.refer.questions import proposed
from smart_app.refer.wording import WORDING

CARES = {"refer": ("second_opinion",), "therapy": ("physical_therapy", "pain_clinic")}


class Referral(Struct, frozen=True):
    """What was chosen, and the packet that goes with it."""

    choice: Choice
    packet: Packet


def refer_form(path: str, app: App) -> ActForm[Referral]:
    """`path`: refer or therapy."""
    cares, site, page = CARES[path], app.site, WORDING["refer_page"][path]
    listed = targets(site, cares)

    def first(case: Case) -> Referral:
        target = listed[0][0] if listed else OTHER
        return _with_packet(Choice(care=cares[0], target=target, questions=proposed(case, cares[0])), case)

    def read(form: Mapping[str, str], case: Case) -> Referral:
        care = form.get("care", "")
        return _with_packet(read_choice(form, care if care in cares else cares[0]), case)

    def act(it: Referral, case: Case) -> Act:
        return act_of(case, it.choice, it.choice.recipient(site), it.packet, app.today())

    def told(it: Referral, case: Case, act: Act) -> Told:
        return Told(
            [*as_words(it.choice, it.choice.recipient(site)), *_more_facts(it, case)], fields_of(it.choice),
            it.choice.warning(_operation(case)), more={"packet": it.packet},
        )  # fmt: skip

    def shows(it: Referral, case: Case) -> dict[str, Any]:
        shown = {"page": page, "routes": path, "cares": cares, "targets": listed, "words": WORDING}
        return shown | {"choice": it.choice, "packet": it.packet, "may_file": case.launch.may("DocumentReference", "c")}

    return ActForm(
        path=path, title=page["title"], template="smart_app/refer/compose.html", first=first, read=read,
        problems=lambda it: it.choice.problems(site), act=act, told=told, shows=shows,
    )  # fmt: skip


def _with_packet(choice: Choice, case: Case) -> Referral:
    return Referral(choice, packet_of(case, choice.questions, choice.blinded, choice.care))


def _more_facts(it: Referral, case: Case) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    if it.choice.blinded:
        yield "First recommendation", "left out"
    enclosed = len(document_of(it.packet, case)["entry"])  # the referral is one more, the Composition none of them
    yield "The packet", WORDING["document"]["encloses"].format(count=enclosed)
    if it.packet.questions:
        yield "Questions", it.packet.questions


def _operation(case: Case) -> str:
    surgery = case.assessment.surgery
    return operation_words(surgery.kind, surgery.regions) if surgery else ""
