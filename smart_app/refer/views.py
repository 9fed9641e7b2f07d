"""The referral pages as HTML: the composer, and what would be written."""

from flask import render_template

from second_opinion.planned_surgery import operation_words
from second_opinion.site import Site
from smart_app.acts.previews import Preview
from smart_app.chart.case import Case
from smart_app.errors import NotDone
from smart_app.refer.document import document_of
from smart_app.refer.form import Choice, as_words, fields_of, targets
from smart_app.refer.packet import Packet, packet_of
from smart_app.refer.wording import WORDING
from smart_app.review.banner import frame_of

CARES = {"refer": ("second_opinion",), "therapy": ("physical_therapy", "pain_clinic")}


def composer(case: Case, site: Site, routes: str, choice: Choice, is_new: bool = False) -> str:
    return render_template(
        "smart_app/refer/compose.html",
        frame=frame_of(case),
        page=WORDING["refer_page"][routes],
        routes=routes,
        cares=CARES[routes],
        targets=targets(site, CARES[routes]),
        choice=choice,
        problems={} if is_new else choice.problems(site),
        may_file=case.launch.may("DocumentReference", "c"),
        packet=packet_of(case, choice.questions, choice.blinded, choice.care),
        words=WORDING,
    )


def previewed(
    case: Case,
    site: Site,
    routes: str,
    choice: Choice,
    preview: Preview,
    packet: Packet,
    problem: NotDone | None = None,
) -> str:
    surgery = case.assessment.surgery
    return render_template(
        "smart_app/refer/preview.html",
        frame=frame_of(case),
        page=WORDING["refer_page"][routes],
        routes=routes,
        choice=choice,
        fields=fields_of(choice),
        facts=as_words(choice, choice.recipient(site)),
        warning=choice.warning(operation_words(surgery.kind, surgery.regions) if surgery else ""),
        preview=preview,
        packet=packet,
        enclosed=len(document_of(packet, case)["entry"]),  # the referral is one more, the Composition none of them
        problem=str(problem) if problem else "",
        partly=problem.deed if problem else "",
        may_be_written=bool(problem and problem.may_be_written),
        words=WORDING,
    )
