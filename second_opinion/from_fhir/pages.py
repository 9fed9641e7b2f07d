"""What one document held: the resources, what of it was unreadable, and how much more there is by its own words."""

from msgspec import Struct, field

from second_opinion.from_fhir.shapes import OperationOutcome, Resource
from second_opinion.record import Unread


class Found(Struct, gc=False):
    """One resource of a document, and the names it goes by."""

    reference: str
    resource: Resource
    full_url: str = ""


class Extent(Struct):
    """How much of what there is a Bundle holds, by its own words."""

    sent: int
    total: float | None
    has_next: bool

    @property
    def missing(self) -> str:
        if self.has_next:
            return "there are further pages that were not sent"
        return f"{self.sent} of {self.total:g} were sent" if self.total is not None and self.total > self.sent else ""


class Page(Struct):
    """One document: its resources, what in it was unreadable (by lane; '' is any), and whether there is more."""

    kind: str = ""
    matches: int = 0  # entries, without those that were included or tell of the search
    outcomes: list[OperationOutcome] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    unread: list[tuple[str, Unread]] = field(default_factory=list)
    extents: list[Extent] = field(default_factory=list)  # of Bundles within it, then its own

    @property
    def incomplete(self) -> str:
        return next((missing for extent in self.extents if (missing := extent.missing)), "")
