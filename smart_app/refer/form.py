"""What a clinician chose on a referral page, read from the form; and what of it cannot be used, in words."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from second_opinion.referral_targets import Target
from second_opinion.site import Site
from second_opinion.texts import operation_in
from smart_app.refer.wording import WORDING

OTHER = "other"
_LONGEST_QUESTIONS = 4000
_LONGEST_NAME = 200


class Choice(Struct, frozen=True):
    """`target`: the number of a site's target, or 'other', who is then named; `file`: the PDF goes into the chart."""

    care: str
    target: str = ""
    other: str = ""
    urgency: str = "routine"
    status: str = "active"
    questions: str = ""
    blinded: bool = False
    file: bool = False

    def recipient(self, site: Site) -> Target | None:
        """None: nobody chosen."""
        if self.target == OTHER:
            return Target(self.other) if self.other else None
        return {str(number): each for number, each in enumerate(site.targets)}.get(self.target)

    def problems(self, site: Site) -> dict[str, str]:
        """By field: what to do."""
        if self.recipient(site):
            return {}
        return {"target": "Choose to whom, or name somebody else." if site.targets else "Name the surgeon or clinic."}

    def warning(self, named: str) -> str:
        """Blinded, the questions must not tell what was advised; `named` is the planned operation in words."""
        said = self.questions.lower()
        names = any(operation_in(line) for line in said.splitlines()) or (bool(named) and named in said)
        if not (self.blinded and names):
            return ""
        return "Your questions name an operation. If it is the one that was advised first, the packet gives it away."


def targets(site: Site, cares: Collection[str]) -> list[tuple[str, Target]]:
    """Those of the site's list that take such referrals, each with its number."""
    return [(str(number), each) for number, each in enumerate(site.targets) if not set(cares).isdisjoint(each.takes)]


def read_choice(form: Mapping[str, str], care: str) -> Choice:
    """Leniently: what is not understood is as it was before anything was chosen."""
    return Choice(
        care=care,
        target=form.get("target", "")[:_LONGEST_NAME],
        other=" ".join(form.get("other", "").split())[:_LONGEST_NAME],
        urgency="urgent" if form.get("urgency") == "urgent" else "routine",
        status="draft" if form.get("status") == "draft" else "active",
        questions="\n".join(form.get("questions", "").splitlines())[:_LONGEST_QUESTIONS].strip(),
        blinded=form.get("blinded") == "yes",
        file=form.get("file") == "yes",
    )


def fields_of(choice: Choice) -> list[tuple[str, str]]:
    """The choice as form fields, from which it is read again."""
    fields = [(name, getattr(choice, name)) for name in choice.__struct_fields__]
    return [(name, "yes" if value is True else value) for name, value in fields if value]


def as_words(choice: Choice, recipient: Target | None) -> list[tuple[str, str]]:
    """The choice as facts to read before it is confirmed."""
    to = recipient.name if recipient else ""
    reach = ", ".join(f"{how} {number}" for how, number in _reach(recipient) if number)
    return [
        ("For", WORDING["care"][choice.care]),
        ("To", f"{to} ({reach})" if reach else to),
        ("Urgency", WORDING["urgency"][choice.urgency]),
        ("Status", WORDING["status"][choice.status]),
    ]


def _reach(recipient: Target | None) -> list[tuple[str, str]]:
    return [("phone", recipient.phone), ("fax", recipient.fax)] if recipient else []
