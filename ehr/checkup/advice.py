"""What to do about what a check-up found, in plain words: the most urgent first."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ehr.checkup.report import LaneTried, Smart, way
from ehr.checkup.smart import SCOPES
from ehr.look_up import BUDGET
from second_opinion.plain_words import listed
from second_opinion.record import Reading

_SHOWN = 3
_STRANGERS = "belong to another patient"
_LATE = ("late", "none")
_ONLY_PREFETCH = "Have the EHR send them as prefetch"


def advice(server: str, lanes: Sequence[LaneTried], offered: Smart) -> Iterator[str]:
    yield from _misleading(lanes)
    yield from _unread(lanes)
    yield from _category(lanes)
    yield from _slow(lanes)
    if lanes and not any(each.count for lane in lanes for each in lane.tries if lane.lane != "patient"):
        yield "Nothing but the patient was found. Try one with a fuller chart: --patient ID."
    if any(lane.as_asked.state is not Reading.UNAVAILABLE for lane in lanes):
        yield f'In the trust file, under the EHR\'s [[cds_client]]: fhir_servers = ["{server}"] (docs/trust.md).'
    yield from _of_smart(server, offered)


def _misleading(lanes: Sequence[LaneTried]) -> Iterator[str]:
    """The worst: what reads as 'none found' is there when asked for in another way."""
    for lane in lanes:
        better, ours = lane.better, lane.as_asked
        if better and ours.state is Reading.COMPLETE:
            yield (
                f"Keep this server out of fhir_servers as it is: asked with {way(ours)} it finds {ours.count}"
                f" {lane.type}, with {way(better)} {better.count}. The service asks with {way(ours)},"
                " and would take that for all there is. Tell the vendor; until then, rely on prefetch."
            )
    for only in _groups(lanes, lambda lane: way(lane.better) if lane.better and _is_unread(lane) else ""):
        yield f"It answers {_types(only[1])} only with {only[0]}, which the service does not send. {_ONLY_PREFETCH}."


def _unread(lanes: Sequence[LaneTried]) -> Iterator[str]:
    strangers = [lane for lane in lanes if _STRANGERS in lane.as_asked.why]
    if strangers:
        yield (
            f"Asked for one patient's {_types(strangers)}, it sends other patients' as well: it overlooks patient=."
            " They are never used, but nothing can be said to be missing. Tell the vendor."
        )
    others = [lane for lane in lanes if lane not in strangers]
    for status, some in _groups(
        others, lambda lane: "" if lane.better or not _is_unread(lane) else lane.as_asked.status
    ):
        yield _remedy(status, some)
    for why, some in _groups(others, lambda lane: lane.as_asked.why if lane.as_asked.state is Reading.PARTIAL else ""):
        yield f"It sends only part of {_types(some)}: {why}. What is found counts; 'not found' cannot be said."


def _remedy(status: str, some: Sequence[LaneTried]) -> str:
    kinds, it = _types(some), "them" if len(some) > 1 else "it"
    if status == "401":
        return f"The token is missing, out of date, or for another server (401 for {kinds}). Get a fresh one."
    if status == "403":
        scopes = listed(f"patient/{lane.type}.rs" for lane in some)
        return f"Ask for the scope{'s' if len(some) > 1 else ''} {scopes} (403)."
    if status in ("404", "410"):
        is_unlisted = all(lane.declared is False for lane in some)
        listing = f" Its CapabilityStatement does not list {it}." if is_unlisted else ""
        return f"It has no {kinds} ({status}).{listing} Rules that need {it} will say that they could not look."
    if status in _LATE:
        return f"It gave no answer in time for {kinds}. Try again with a longer --timeout, and tell the vendor."
    if status == "bad":
        return f"What it sends for {kinds} cannot be used ({some[0].as_asked.why}). Tell the vendor."
    if status.startswith("5"):
        return f"It fails on {kinds} ({status}). Try again; if it stays so, tell the vendor. {_ONLY_PREFETCH}."
    return f"It refuses {kinds} ({status}). Ask the vendor how to search by patient. {_ONLY_PREFETCH}."


def _category(lanes: Sequence[LaneTried]) -> Iterator[str]:
    wanting = [lane for lane in lanes if lane.as_asked.category and lane.as_asked.state is not Reading.UNAVAILABLE]
    if wanting:
        yield (
            f"This server wants a category for {_types(wanting)} ({wanting[0].tries[0].status} without). Nothing to"
            " do: the service asks again with one."
        )


def _slow(lanes: Sequence[LaneTried]) -> Iterator[str]:
    slow = [lane for lane in lanes if lane.as_asked.milliseconds > BUDGET * 1000 and not _is_unread(lane)]
    if slow:
        yield f"Slower than the {BUDGET * 1000:.0f} ms that a card may wait: {_types(slow)}. {_ONLY_PREFETCH}."


def _of_smart(server: str, offered: Smart) -> Iterator[str]:
    if offered.why:
        yield (
            f"There is no SMART configuration that can be read ({offered.why}): cards work, the app cannot be"
            " launched from here. Ask which address the EHR launches apps with (iss)."
        )
        return
    lacking = [point.needs for point in offered.points if point.offered is False and point.needs != SCOPES]
    if lacking:
        yield f"Its SMART configuration does not offer {listed(lacking)}, which the app needs. Ask the vendor."
    if missing := offered.missing_scopes:
        shown = listed(missing if len(missing) <= _SHOWN else (*missing[:_SHOWN], f"{len(missing) - _SHOWN} more"))
        yield f"Of our scopes it does not list {shown}. What the app may not read, it shows as not read."
    if offered.auth and not lacking:
        yield f'To launch the app, under [[smart_ehr]]: iss = "{server}", auth = "{offered.auth}" (docs/trust.md).'


def _is_unread(lane: LaneTried) -> bool:
    return lane.as_asked.state is Reading.UNAVAILABLE


def _groups(lanes: Iterable[LaneTried], key: Callable[[LaneTried], str]) -> Iterator[tuple[str, list[LaneTried]]]:
    """Lanes with the same trouble together; those without ('') left out."""
    groups: dict[str, list[LaneTried]] = {}
    for lane in lanes:
        groups.setdefault(key(lane), []).append(lane)
    return ((name, some) for name, some in groups.items() if name)


def _types(lanes: Iterable[LaneTried]) -> str:
    return listed(lane.type for lane in lanes)
