"""One line of the mock EHR's chart for each kind of FHIR resource: what, when, status, code, note."""

from dataclasses import dataclass
from typing import Any

from sandbox.fhir_words import code, day, quantity, span, words

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    what: str
    when: str
    status: str = ""
    code: str = ""
    note: str = ""


def problem(condition: Json) -> Row:
    status = condition["clinicalStatus"]["coding"][0]["code"]
    ended = condition.get("abatementDateTime")
    when = span(condition["onsetDateTime"], ended) if ended else f"since {day(condition['onsetDateTime'])}"
    return Row(words(condition["code"]), when, status, code(condition["code"]))


def procedure(done: Json) -> Row:
    performer = done["performer"][0]["actor"]["display"]
    notes = [performer, *(note["text"] for note in done.get("note", []))]
    return Row(
        words(done["code"]), day(done["performedDateTime"]), done["status"], code(done["code"]), ". ".join(notes)
    )


def visits(same: list[Json]) -> Row:
    """Therapy visits of one kind, as one line; oldest first."""
    days = [visit["performedDateTime"] for visit in same]
    count = f"{len(same)} visits" if len(same) > 1 else "1 visit"
    concept = same[0]["code"]
    return Row(words(concept), span(days[0], days[-1]), same[0]["status"], code(concept), count)


def plan(care: Json) -> Row:
    when = span(care["period"]["start"], care["period"]["end"])
    return Row(care["title"], when, care["status"], code(care["activity"][0]["detail"]["code"]), care["description"])


def medication(request: Json) -> Row:
    supply = request["dispenseRequest"]["expectedSupplyDuration"]["value"]
    repeats = request["dispenseRequest"]["numberOfRepeatsAllowed"]
    note = f"{request['dosageInstruction'][0]['text']}. {supply} days' supply, {repeats} repeats"
    concept = request["medicationCodeableConcept"]
    return Row(words(concept), f"from {day(request['authoredOn'])}", request["status"], code(concept), note)


def scores(same: list[Json]) -> Row:
    """All values of one questionnaire, oldest first, so that the change can be read."""
    values = [
        f"{score.get('valueString') or quantity(score['valueQuantity'])} ({day(score['effectiveDateTime'])})"
        for score in same
    ]
    concept = same[0]["code"]
    return Row(words(concept), day(same[-1]["effectiveDateTime"]), "", code(concept), ", then ".join(values))


def request(order: Json) -> Row:
    reasons = ", ".join(words(reason) for reason in order["reasonCode"])
    return Row(words(order["code"]), day(order["authoredOn"]), order["status"], code(order["code"]), reasons)
