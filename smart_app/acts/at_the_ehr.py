"""The EHR as one action writes to it: with a new token, once, if the old one is taken no longer."""

from collections.abc import Callable
from typing import Any, TypeVar

from ehr.refusals import Refused
from ehr.wire import Wire
from ehr.writing import Writing
from ehr.written import Written
from journal.deeds import Part
from smart_app.acts.same_patient import not_known_to_live, not_the_patient
from smart_app.chart.case import Case
from smart_app.errors import NotDone
from smart_app.launches import Launch

Json = dict[str, Any]
Answer = TypeVar("Answer")
_WITHDRAWN_AS = {"ServiceRequest": "revoked"}  # all others: entered-in-error


class AtTheEhr:
    """`renew` gives the launch with a new token, or raises LaunchEnded."""

    def __init__(self, launch: Launch, renew: Callable[[Launch], Launch], wire: Wire, seconds: float) -> None:
        self.launch = launch
        self._renew, self._wire, self._seconds, self._is_renewed = renew, wire, seconds, False

    def check_patient(self, case: Case, must_live: bool) -> None:
        """Raises NotDone unless the EHR's Patient is still the one whose page this is."""
        try:
            now = self._ask(lambda ehr: ehr.read(f"Patient/{self.launch.patient}")).resource
        except Refused as refused:
            raise NotDone(f"Whose chart this is could not be checked, so nothing was written. {refused}") from None
        why = not_the_patient(now, case.patient)
        if why := why or (not_known_to_live(now) if must_live else ""):
            raise NotDone(why)

    def create(self, resource: Json, identifier: Json, may_be_there: bool = False) -> Written:
        """Raises Refused."""
        return self._ask(lambda ehr: ehr.create(resource, identifier, may_be_there))

    def find(self, resource: Json, identifier: Json) -> Written | None:
        """Raises Refused."""
        return self._ask(lambda ehr: ehr.find(resource["resourceType"], identifier))

    def withdraw(self, part: Part) -> None:
        """Raises NotDone."""
        kind = part.reference.partition("/")[0]
        identifier, status = {"system": part.system, "value": part.value}, _WITHDRAWN_AS.get(kind, "entered-in-error")
        may_delete = self.launch.may(kind, "d")
        try:
            self._ask(lambda ehr: ehr.withdraw(part.reference, part.version, identifier, status, may_delete))
        except Refused as refused:
            raise NotDone(f"{part.reference} was not withdrawn. {refused}") from None

    def _ask(self, job: Callable[[Writing], Answer]) -> Answer:
        try:
            return job(self._writing())
        except Refused as refused:
            if refused.kind != "signed_out" or self._is_renewed:
                raise
        self.launch, self._is_renewed = self._renew(self.launch), True
        return job(self._writing())

    def _writing(self) -> Writing:
        return Writing(self._wire, self.launch.iss, self.launch.access_token, self._seconds)
