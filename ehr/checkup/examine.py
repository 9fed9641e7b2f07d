"""Examines one FHIR server, lane by lane; says as it goes what it does. The token goes to this server only."""

from collections.abc import Callable
from time import monotonic

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from ehr.addresses import server_address
from ehr.checkup import smart
from ehr.checkup.advice import advice
from ehr.checkup.conformance import read_statement
from ehr.checkup.report import LaneTried, Report, RuleThere, Smart
from ehr.checkup.searches import id_of, tried
from ehr.fhir_server import PAGES_MOST, FhirServer, sendable
from ehr.urls import one_spelling
from ehr.wire import NoAnswer, Wire
from second_opinion.data_needs import NEEDS
from second_opinion.planned_surgery import CHART_LANES
from second_opinion.rules import RULES

STEPS = len(NEEDS) + 3
_SMART_BYTES_MOST = 256 * 1024
_UNSENDABLE = "the token holds characters that no header can carry. Copy it anew, without spaces or line breaks"
_NO_PATIENT = "no patient to try the searches with: Patient?_count=1 {why}. Name one with --patient"
_NOT_THERE = "Patient/{name} is not there ({status}). Name another with --patient, or none: then the first one is tried"
_REFUSED = ", and get a fresh token: this one is not taken"
_OR_SIGN_IN = " and, if this server is not open, a token with --token or SECOND_OPINION_TOKEN"


class _Entry(Struct):
    resource: dict[str, object] = {}


class _Found(Struct):
    entry: list[_Entry] = []


def examine(
    address: str,
    token: str = "",
    patient: str = "",
    timeout: float = 10,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """`timeout`: seconds for one answer. `progress` is called STEPS times at most, with what is done next."""
    base = server_address(address)
    if not base:
        return Report(server=address, problem=_no_address(address))
    if not sendable(token):
        return Report(server=base, problem=_UNSENDABLE)
    wire = Wire(1)
    try:
        return _examine(wire, base, token, patient, timeout, progress)
    finally:
        wire.close()


def _examine(
    wire: Wire, base: str, token: str, patient: str, timeout: float, progress: Callable[[str], None]
) -> Report:
    def open_server(most_pages: int = PAGES_MOST) -> FhirServer:
        return FhirServer(wire, base, token, monotonic() + timeout, most_pages)

    progress("CapabilityStatement")
    pages: list[bytes] = []
    stated = read_statement(pages, open_server().capabilities(pages))
    if stated.problem:
        return Report(server=base, problem=stated.problem, version=stated.version)
    progress("SMART configuration")
    offered = _smart(wire, base, timeout)
    without = Report(
        server=base, version=stated.version, software=stated.software, smart=offered,
        advice=tuple(advice(base, (), offered)),
    )  # fmt: skip
    progress("Patient")
    patient, problem = (id_of(patient), "") if patient else _any_patient(open_server(1), token)
    if problem:
        return replace(without, problem=problem)
    lanes: list[LaneTried] = []
    for need in NEEDS:
        progress(need.type)
        declared = need.type in stated.types if stated.types else None
        lanes.append(tried(need, patient, open_server, declared))
    if nobody := _nobody(lanes):
        return replace(without, problem=_NOT_THERE.format(name=patient, status=nobody))
    return replace(
        without, patient=f"Patient/{patient}", lanes=tuple(lanes), rules=_rules(lanes),
        advice=tuple(advice(base, lanes, offered)),
    )  # fmt: skip


def _nobody(lanes: list[LaneTried]) -> str:
    """With which status the patient is not there, '' where anything was found: searches for nobody find nothing."""
    status = next(each.as_asked.status for each in lanes if each.lane == "patient")
    is_empty = not any(each.count for lane in lanes for each in lane.tries)
    return status if is_empty and status in ("404", "410") else ""


def _no_address(address: str) -> str:
    try:
        one_spelling(address)
    except ValueError as why:
        return str(why)
    return "the address is longer than we take"


def _smart(wire: Wire, base: str, timeout: float) -> Smart:
    """Asked for without the token: it is there for everybody."""
    headers = {"Accept": "application/json"}
    try:
        answer = wire.get(f"{base}/{smart.PATH}", headers, monotonic() + timeout, _SMART_BYTES_MOST)
    except NoAnswer as why:
        return Smart(why=str(why))
    return smart.read_smart(answer)


def _any_patient(server: FhirServer, token: str) -> tuple[str, str]:
    """Some patient's id, or why there is none."""
    pages: list[bytes] = []
    why = server.read("Patient?_count=1", "", pages)
    try:
        found = json.decode(pages[0], type=_Found).entry if pages else []
    except (DecodeError, UnicodeDecodeError):
        found = []
    names = (each.resource.get("id") for each in found if each.resource.get("resourceType") == "Patient")
    patient = next((name for name in names if isinstance(name, str)), "")
    said = f"was answered with: {why}" if why else "found nobody"
    remedy = (_REFUSED if why == "401" else "") if token else _OR_SIGN_IN
    return patient, "" if patient else f"{_NO_PATIENT.format(why=said)}{remedy}"


def _rules(lanes: list[LaneTried]) -> tuple[RuleThere, ...]:
    whole = {each.lane for each in lanes if each.whole}
    rules = [(name, rule.PAGE["name"], rule.LANES) for name, rule in RULES.items() if rule.LANES]
    # Not a rule, but the first question: on patient-view the operation itself is found in the chart.
    rules.append(("planned_surgery", "The planned operation, when a chart is opened", CHART_LANES))
    return tuple(
        RuleThere(name, words, needed, tuple(e for e in needed if e not in whole)) for name, words, needed in rules
    )
