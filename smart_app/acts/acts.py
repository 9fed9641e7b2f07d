"""The one way in which every action is done: shown first, written once, kept in the journal, undone on request.

An action says what is to be written; who may, whether it was already, and what went wrong is known here alone.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic, sleep

from ehr.refusals import Refused
from ehr.wire import Wire
from journal.deeds import Deed, Deeds, Part, Who
from journal.errors import JournalDown
from smart_app.acts.at_the_ehr import AtTheEhr
from smart_app.acts.previews import Act, Preview, preview_of, referring
from smart_app.app import App
from smart_app.chart.case import Case
from smart_app.errors import LaunchEnded, NotDone
from smart_app.launches import Launch

_CONNECTIONS = 8
_JOURNAL_DOWN = "The journal of this app cannot be written now, and without it nothing is: try again in a moment."
_CHANGED = "What would be written is no longer what you were shown. Nothing was written: look at it once more."
_STILL = "The same is being written by another click. Reload this page in a moment."
_OTHER_FAILED = "The same was begun by another click, and failed. Try again."
_NOT_KEPT = "It stands in the EHR, but could not be noted in our journal. Confirm again: it is not written twice."
_WITHDRAWN_NOT_KEPT = "It was withdrawn, but that could not be noted in our journal. Undo it again."
_UNKNOWN = "This page knows nothing of that. Look in the EHR."


class Acts:
    """One a process; nothing is opened before the first use.

    `seconds`: for each request to an EHR; `written` is told of a launch whose chart has changed.
    """

    def __init__(self, app: App, seconds: float = 8.0, written: Callable[[Launch], None] = lambda launch: None) -> None:
        self._app, self._seconds, self._written = app, seconds, written
        self._wire = Wire(_CONNECTIONS)
        self.deeds = Deeds(app.journal.database, app.journal.keys)

    def preview(self, case: Case, act: Act) -> Preview:
        """What doing it would write. Raises ValueError for what is no valid FHIR, or about another patient."""
        asks = who(case.launch)
        try:
            undone = [deed for deed in self.deeds.of_launch(case.launch.id) if deed.undone_at]
        except JournalDown:
            undone, cannot = [], _JOURNAL_DOWN
        else:
            cannot = ""
        again = str(sum(deed.action == act.action for deed in undone))  # what was undone may be done anew
        return preview_of(act, case.launch, lambda said: self.deeds.id_of(asks, act.action, f"{again} {said}"), cannot)

    def do(self, case: Case, preview: Preview, digest: str) -> Deed:
        """Writes what was shown (`digest`), once, however often it is asked for. Raises NotDone, LaunchEnded."""
        try:
            known = self.deeds.get(digest, case.launch.id)
            if known and known.state == "done" and not known.undone_at:  # a page sent again: the chart has it by now
                return known
            if preview.cannot or digest != preview.digest:
                raise NotDone(preview.cannot or _CHANGED)
            ehr = self._ehr(case.launch)
            ehr.check_patient(case, must_live=True)
            if not self.deeds.begin(digest, preview.act.action, who(case.launch), datetime.now(UTC)):
                return self._done_by_another(digest, case.launch)
        except JournalDown:
            raise NotDone(_JOURNAL_DOWN) from None
        try:
            self._write(ehr, preview, before=known.state if known else "")
        finally:
            self._written(case.launch)
        return self._known(digest, case.launch, _NOT_KEPT, may_be_written=True)

    def undo(self, case: Case, deed: str) -> Deed:
        """Takes back what was written, while it is as we wrote it. Raises NotDone, LaunchEnded."""
        known = self._known(deed, case.launch)
        if known.undone_at:
            return known
        ehr = self._ehr(case.launch)
        ehr.check_patient(case, must_live=False)
        try:
            for part in reversed(known.parts):
                ehr.withdraw(part)
        finally:
            self._written(case.launch)
        try:
            self.deeds.undone(deed, datetime.now(UTC))
        except JournalDown:
            raise NotDone(_WITHDRAWN_NOT_KEPT) from None
        return self._known(deed, case.launch, _WITHDRAWN_NOT_KEPT)

    def close(self) -> None:
        self._wire.close()

    def _ehr(self, launch: Launch) -> AtTheEhr:
        return AtTheEhr(launch, self._app.renewed, self._wire, self._seconds)

    def _known(self, deed: str, launch: Launch, otherwise: str = _JOURNAL_DOWN, may_be_written: bool = False) -> Deed:
        try:
            known = self.deeds.get(deed, launch.id)
        except JournalDown:
            raise NotDone(otherwise, may_be_written=may_be_written) from None
        if known is None:
            raise NotDone(_UNKNOWN)
        return known

    def _done_by_another(self, deed: str, launch: Launch) -> Deed:
        until = monotonic() + self._seconds
        while monotonic() < until:
            known = self.deeds.get(deed, launch.id)
            if known is None or known.state == "unknown":
                raise NotDone(_OTHER_FAILED, may_be_written=known is not None)
            if known.state == "done":
                return known
            sleep(0.05)
        raise NotDone(_STILL, may_be_written=True)

    def _write(self, ehr: AtTheEhr, preview: Preview, before: str) -> None:
        """From where an attempt before broke off, if one did; `begun`: it ended without a word."""
        deed = preview.digest
        parts = self._known(deed, ehr.launch).parts
        try:
            for resource, identifier in preview.to_write[len(parts) :]:
                written = ehr.find(resource, identifier) if before else None
                if written is None:
                    whole = referring(resource, [part.reference for part in parts])
                    written = ehr.create(whole, identifier, may_be_there=before == "begun")
                before = ""
                parts += (Part(written.reference, written.version, identifier["system"], identifier["value"]),)
                self.deeds.note(deed, "begun", parts)
            self.deeds.note(deed, "done", parts)
        except JournalDown:
            raise NotDone(_NOT_KEPT, may_be_written=True) from None
        except Refused as refused:
            self._broke_off(deed, parts, refused.may_be_written)
            some = f"{len(parts)} of {len(preview.to_write)} resources were written, then: " if parts else ""
            raise NotDone(f"{some}{refused}", deed if parts else "", refused.may_be_written) from None
        except LaunchEnded:
            self._broke_off(deed, parts, may_be_written=False)
            raise

    def _broke_off(self, deed: str, parts: tuple[Part, ...], may_be_written: bool) -> None:
        with suppress(JournalDown):
            if parts or may_be_written:
                self.deeds.note(deed, "unknown", parts)
            else:
                self.deeds.forget(deed)


def who(launch: Launch) -> Who:
    """Whose deed it is."""
    return Who(
        iss=launch.iss, tenant=launch.tenant, patient=launch.patient, user=launch.user, launch=launch.id,
        card=launch.card,
    )  # fmt: skip
