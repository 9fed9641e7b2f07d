"""The menu "Break it": what goes wrong on purpose, what should be seen then, and how that shows in what was read."""

from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.fhir_side import Break
from sandbox.smart.faults import FAULTS

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`see`: what the reader of the page should see, in words; the rest is how the page compares that with what came.

    `lanes`: how the service must have read them; `never_absent`: rules that must not answer "not documented";
    `says`: words of the card's detail; `same`: nothing may change at all; `down`: no answer can come;
    `omits_prefetch`: it shows only where the service looks things up itself; `hides_order`: an order that a call only
    names cannot be had, and then the service says so (412).
    """

    id: str
    name: str
    does: str
    see: str
    lanes: dict[str, str] = field(default_factory=dict)
    never_absent: tuple[str, ...] = ()
    says: str = ""
    same: bool = False
    down: bool = False
    omits_prefetch: bool = False
    hides_order: bool = False


def _of_the_server(name: str, see: str, **compared: Any) -> Fault:
    """One of the FHIR server's own faults, with what should be seen."""
    return Fault(id=name, name=FAULTS[name].label, does=FAULTS[name].does, see=see, **compared)


_SEARCHED = ("procedures", "conditions", "service_requests", "medications", "observations")
_UNREAD = dict.fromkeys(_SEARCHED, "unavailable")
_CARE = ("nonsurgical_care", "repeat_surgery")

BREAKS = (
    _of_the_server(
        "procedures-403",
        "The card says that procedures could not be read (403). It does not say that none were found.",
        lanes={"procedures": "unavailable"}, never_absent=_CARE, says="403",
    ),
    _of_the_server(
        "page-2-missing",
        "What came is used, and counts as read in part only. Nothing is called absent because of it.",
        never_absent=_CARE, says="further pages could not be had",
    ),
    Fault(
        id="prefetch-omitted", name="Prefetch omitted", does="The call carries no prefetch, only access.",
        see="The same as without it: the service looks everything up on the FHIR server, within its time.",
        same=True, omits_prefetch=True,
    ),
    _of_the_server(
        "slow",
        "The answer comes in time all the same. It says that the chart could not be read, never that it holds nothing.",
        lanes=_UNREAD, never_absent=_CARE, says="the server was late", hides_order=True,
    ),
    _of_the_server(
        "malformed-json",
        "What breaks off is not used. The card says that it could not be read.",
        lanes=_UNREAD, never_absent=_CARE, says="not valid JSON", hides_order=True,
    ),
    _of_the_server(
        "dstu2",
        "What is not written as in R4 is set aside and said to be unread. It is never guessed at, and never absent.",
        never_absent=_CARE, says="not read in full", hides_order=True,
    ),
    _of_the_server(
        "local-codes",
        "Codes that nobody knows are read by their words where those are plain, and the card says so.",
    ),
    _of_the_server(
        "another-patient",
        "Nothing of another patient is used. The card says that what came was not this patient's.",
        never_absent=_CARE, says="another patient",
    ),
    _of_the_server(
        "expired-token",
        "Prefetch is left out and every look-up is refused (401). The card says that the chart could not be read.",
        lanes=_UNREAD, never_absent=_CARE, says="401", omits_prefetch=True, hides_order=True,
    ),
    Fault(
        id="service-down", name="Service down", does="Nobody answers the hook call.",
        see="The EHR says that decision support did not answer. The order can be signed all the same.",
        down=True,
    ),
)  # fmt: skip


class Breaking:
    """What is broken now: one fault at a time, or none. An external server's own answers cannot be broken."""

    def __init__(self, break_it: Break, external: bool = False) -> None:
        self._break_it = break_it
        self.faults = {fault.id: fault for fault in BREAKS if not (external and fault.id in FAULTS)}
        self.fault: Fault | None = None

    def set(self, fault: str) -> None:
        """'' mends all. Raises KeyError for a fault that there is not."""
        chosen = self.faults[fault] if fault else None
        self._break_it(fault if fault in FAULTS else "")
        self.fault = chosen

    def as_json(self) -> Json:
        return {
            "faults": [asdict(each) for each in self.faults.values()],
            "broken": self.fault.id if self.fault else "",
        }
