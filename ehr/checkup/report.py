"""What a check-up found, as plain facts: nothing here asks a server, and nothing prints."""

from enum import IntEnum

from msgspec import Struct

from second_opinion.record import Reading


class Severity(IntEnum):
    """The exit status of the command, too."""

    ALL_RULES = 0
    SOME_RULES = 1
    NOTHING = 2


class Try(Struct, frozen=True):
    """One search as it was sent, and how well the lane could be read with it.

    `form` is 'GET' or 'POST'; `full` says whether the patient was written as 'Patient/1'; `category` whether one was
    given. `status` is 'ok', a status code, or a word such as 'late'.
    """

    form: str
    full: bool
    category: bool
    state: Reading
    status: str
    why: str = ""
    count: int = 0
    milliseconds: int = 0


class LaneTried(Struct, frozen=True):
    """A lane with every way of asking for it. `declared`: whether the CapabilityStatement lists its type."""

    lane: str
    type: str
    tries: tuple[Try, ...]
    declared: bool | None = None

    @property
    def as_asked(self) -> Try:
        """What the service itself would get: a GET by id, and once more with a category if that is refused."""
        plain, *others = self.tries
        again = [each for each in others if each.form == "GET" and not each.full and each.category]
        return again[0] if again and plain.status in REFUSED else plain

    @property
    def better(self) -> Try | None:
        """Another way of asking that finds more than ours; None where ours finds all there is."""
        ours = self.as_asked
        more = [each for each in self.tries if (each.count, each.state == Reading.COMPLETE) > _worth(ours)]
        return max(more, key=_worth, default=None)

    @property
    def whole(self) -> bool:
        """Whether 'not found' can be said of it: read in full, and no other way of asking finds more."""
        return self.as_asked.state is Reading.COMPLETE and self.better is None

    @property
    def why(self) -> str:
        """Why it is not whole."""
        ours, better = self.as_asked, self.better
        if ours.state is Reading.COMPLETE and better:
            return f"{ours.count} found as we ask, {better.count} with {way(better)}"
        return ours.why


REFUSED = ("400", "422")


def way(tried: Try) -> str:
    """'POST _search and patient=Patient/ID'."""
    words = ["POST _search" if tried.form == "POST" else ""]
    words.append("patient=Patient/ID" if tried.full else "patient=ID")
    return " and ".join([*filter(None, words), *(["a category"] if tried.category else [])])


def _worth(tried: Try) -> tuple[int, bool]:
    return tried.count, tried.state is Reading.COMPLETE


class RuleThere(Struct, frozen=True):
    """One rule on this server; `missing`: those of its lanes that are not whole."""

    rule: str
    name: str
    lanes: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def can(self) -> str:
        """'in part': what it finds elsewhere counts, but it cannot say that something was not found."""
        if not self.missing:
            return "yes"
        return "in part" if len(self.missing) < len(self.lanes) else "no"


class Point(Struct, frozen=True):
    """One thing that the app needs of SMART, whether it is offered (None: not said), and what is."""

    needs: str
    offered: bool | None
    said: str


class Smart(Struct, frozen=True):
    """What `.well-known/smart-configuration` offers; `why` says why it could not be read."""

    why: str = ""
    points: tuple[Point, ...] = ()
    auth: str = ""  # how our app could say who it is, in the words of the trust file
    missing_scopes: tuple[str, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """`problem` says why nothing more was tried, with the remedy; '' if all was."""

    server: str
    problem: str = ""
    version: str = ""
    software: str = ""
    patient: str = ""
    lanes: tuple[LaneTried, ...] = ()
    rules: tuple[RuleThere, ...] = ()
    smart: Smart = Smart()
    advice: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        if self.problem or all(each.as_asked.state is Reading.UNAVAILABLE for each in self.lanes):
            return Severity.NOTHING
        return Severity.SOME_RULES if any(rule.missing for rule in self.rules) else Severity.ALL_RULES
