"""What the patient said, and what was talked over: Goals, notes, messages, documents, consents, our questionnaire."""

from collections.abc import Iterable, Iterator
from datetime import date

from second_opinion.discussions import discussed
from second_opinion.from_fhir import shapes
from second_opinion.from_fhir.concepts import OPERATION, plain_reference, read
from second_opinion.from_fhir.context import Context, aside
from second_opinion.from_fhir.dates import day_of
from second_opinion.options_discussion import PREFERENCE, PREFERENCES, URL
from second_opinion.options_discussion import STATEMENTS as STATED
from second_opinion.record import Event
from second_opinion.statements import statements_in
from second_opinion.texts import regions_in
from second_opinion.value_sets import Meaning

STATEMENTS = "patient_statements"
DISCUSSED = "options_discussed"
_GOAL = frozenset(("proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "rejected"))
_OTHER_SCOPES = {"patient-privacy", "research", "adr"}
_NOT_SENT = ("preparation", "on-hold")
_GONE = ("entered-in-error", "cancelled", "rejected", "not-done")
_SENT = frozenset(("preparation", "in-progress", "on-hold", "completed", "stopped"))
_DOCUMENT = frozenset(("current", "superseded"))
_CONSENT = frozenset(("draft", "proposed", "active", "rejected", "inactive"))
_RESPONSE = frozenset(("in-progress", "completed", "amended", "stopped"))


def said(words: str | None, source: str, resource: str, on: date | None, unplaced: str = "") -> Iterator[Event]:
    """One event a statement in these words; the sentence is quoted as it stands."""
    for statement in statements_in(words or ""):
        meaning = Meaning(value_set=STATEMENTS, kind="narrative", role=statement.stance, label=statement.sentence)
        yield Event(
            source=source, resource=resource, on=on, until=on, meanings=(meaning,), label=statement.sentence,
            by="text", aside=unplaced or ("" if on else "no date"),
        )  # fmt: skip


def notes(
    annotations: Iterable[shapes.Annotation] | None, source: str, resource: str, on: date | None
) -> Iterator[Event]:
    for note in annotations or ():
        yield from said(note.text, source, resource, day_of(note.time) or on)


def stated_as_reason(
    reasons: Iterable[shapes.Concept] | None, source: str, resource: str, status: str, on: date | None, unplaced: str
) -> Iterator[Event]:
    """What the patient states, given as the reason of a visit or a message."""
    for concept in reasons or ():
        meanings, label, by = read(concept)
        if any(meaning.value_set == STATEMENTS for meaning in meanings):
            yield Event(
                source=source, resource=resource, on=on, until=on, meanings=meanings, label=label, by=by,
                status=status, aside=unplaced or ("" if on else "no date"),
            )  # fmt: skip


def goal(it: shapes.Goal, source: str, context: Context) -> Iterator[Event]:
    if it.lifecycleStatus in _GONE:
        return
    on = day_of(it.statusDate) or day_of(it.startDate)
    unplaced = aside(it.lifecycleStatus, _GOAL) if it.lifecycleStatus else ""
    yield from said(read(it.description)[1], source, "Goal", on, unplaced)
    yield from notes(it.note, source, "Goal", on)


def communication(it: shapes.Communication, source: str, context: Context) -> Iterator[Event]:
    """A patient's own words are statements; a talk about options counts whoever wrote it down."""
    if it.status in (*_GONE, *_NOT_SENT):
        return
    on = day_of(it.sent) or day_of(it.received)
    unplaced = aside(it.status, _SENT)
    titles = [read(concept)[1] for concept in (it.topic, *(it.category or ()))]
    yield from _discussed(discussed(titles), it.status or "", source, "Communication", on, unplaced)
    yield from stated_as_reason(it.reasonCode, source, "Communication", it.status or "", on, unplaced)
    if _is_from_patient(it):
        for words in (read(it.topic)[1], *(payload.contentString for payload in it.payload or ())):
            yield from said(words, source, "Communication", on, unplaced)
        yield from notes(it.note, source, "Communication", on)


def _is_from_patient(it: shapes.Communication) -> bool:
    """Sent by the patient it is about, and by no other."""
    sender = plain_reference(it.sender.reference or "") if it.sender else ""
    about = plain_reference(it.subject.reference or "") if it.subject else ""
    return sender.startswith("Patient/") if not about.startswith("Patient/") else sender == about


def document(it: shapes.DocumentReference, source: str, context: Context) -> Iterator[Event]:
    if it.status in _GONE or it.docStatus == "entered-in-error":
        return
    titles = [read(it.type)[1], it.description or "", *(read(concept)[1] for concept in it.category or ())]
    titles += [content.attachment.title or "" for content in it.content or () if content.attachment]
    unplaced = aside(it.status, _DOCUMENT)
    yield from _discussed(
        discussed(titles), it.status or "", source, "DocumentReference", day_of(it.date), unplaced
    )  # fmt: skip


def consent(it: shapes.Consent, source: str, context: Context) -> Iterator[Event]:
    """A consent to this treatment; one to the use of data, or to another procedure, says nothing about options."""
    scope = {coding.code for coding in it.scope.coding or ()} if it.scope else set()
    codes = (it.provision.code or []) if it.provision else []
    of_the_spine = [read(code, OPERATION)[1] for code in codes if _is_operation(code)]
    if scope & _OTHER_SCOPES or (codes and not of_the_spine):
        return
    titles = [*of_the_spine, *(read(concept)[1] for concept in it.category or ())]
    title = discussed(titles, is_consent=bool(of_the_spine) or "treatment" in scope)
    yield from _discussed(title, it.status or "", source, "Consent", day_of(it.dateTime), aside(it.status, _CONSENT))


def _is_operation(code: shapes.Concept) -> bool:
    return any(meaning.value_set == "spine_surgery" for meaning in read(code, OPERATION)[0])


def _discussed(title: str, status: str, source: str, resource: str, on: date | None, unplaced: str) -> Iterator[Event]:
    if title:
        regions = frozenset(regions_in(title) - {"unknown"})
        meaning = Meaning(value_set=DISCUSSED, kind=resource.lower(), label=title, regions=regions)
        yield Event(
            source=source, resource=resource, status=status, on=on, until=on, meanings=(meaning,), label=title,
            by="text", aside=unplaced or ("" if on else "no date"),
        )  # fmt: skip


def response(it: shapes.QuestionnaireResponse, source: str, context: Context) -> Iterator[Event]:
    """Our own questionnaire: that options were discussed, which treatment the patient prefers, what they ask for."""
    if (it.questionnaire or "").partition("|")[0] != URL:
        return
    on, unplaced = day_of(it.authored), aside(it.status, _RESPONSE)
    unplaced = unplaced or ("" if on else "no date")
    meanings = [Meaning(value_set=DISCUSSED, kind="record", label="Options discussed")]
    meanings += [
        meaning for item in _items(it.item) for answer in item.answer or () for meaning in _stated(item, answer)
    ]
    for meaning in meanings:
        yield Event(
            source=source, resource="QuestionnaireResponse", status=it.status or "", on=on, until=on,
            meanings=(meaning,), label=f"{meaning.label} (options discussion)", aside=unplaced,
        )  # fmt: skip


def _stated(item: shapes.Item, answer: shapes.Answer) -> Iterator[Meaning]:
    code = (answer.valueCoding.code or "") if answer.valueCoding else ""
    preferred = PREFERENCES.get(code) if item.linkId == PREFERENCE else None
    if preferred and preferred["stance"]:
        label = f"Preference: {preferred['says']}"
        yield Meaning(value_set=STATEMENTS, kind="preference", role=preferred["stance"], label=label)
    stated = STATED.get(item.linkId or "")
    if stated and answer.valueBoolean:
        yield Meaning(value_set=STATEMENTS, kind=stated["kind"], role=stated["role"], label=stated["label"])


def _items(items: Iterable[shapes.Item] | None) -> Iterator[shapes.Item]:
    for item in items or ():
        yield item
        yield from _items(item.item)
