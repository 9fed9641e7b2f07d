"""Is there a risk of this fusion on record that could be changed before it?

Concern when           one is active: nicotine, class 3 obesity, depression or anxiety, opioid dependence, osteoporosis.
Not documented when    diagnoses were read in full, and none is active.
Could not assess when  none was found, and diagnoses were not read in full.
Not applicable when    the operation is a decompression or a discectomy.
"""

from second_opinion.findings import Finding, Outcome, shown
from second_opinion.limits import Limits, Page
from second_opinion.plain_words import listed
from second_opinion.planned_surgery import PlannedSurgery
from second_opinion.record import Events, PatientRecord
from second_opinion.rules.wording import unread_words

PAGE = Page(
    "rules/modifiable_risks.yaml", ("name", "status", "outcomes", "weight", "wording", "review", "words", "value_sets")
)
LANES = ("conditions",)
_SET = "modifiable_risks"
_NOT_ASKED = ("decompression", "discectomy")


def evaluate(record: PatientRecord, surgery: PlannedSurgery, limits: Limits) -> Finding:
    risks = Events(event for event in record.conditions.events.of(_SET) if event.active)
    aside = record.conditions.aside.of(_SET)
    unread = record.not_complete(*LANES)
    if surgery.kind in _NOT_ASKED:
        outcome, risks, aside, unread = Outcome.NOT_APPLICABLE, Events(), Events(), ()
    elif risks:
        outcome = Outcome.CONCERN
    else:
        outcome = Outcome.COULD_NOT_ASSESS if unread or aside else Outcome.NOT_DOCUMENTED
    kinds = dict.fromkeys(meaning.kind for event in risks if (meaning := event.means(_SET)))
    says = PAGE["wording"]["says"][outcome]
    return Finding(
        rule="modifiable_risks",
        outcome=outcome,
        says=says.format(risks=listed(PAGE["words"][kind] for kind in kinds), unread=unread_words(unread, aside)),
        evidence=(*(shown(event, "risk") for event in risks), *(shown(event, "set_aside") for event in aside)),
        could_not_read=unread if outcome is Outcome.COULD_NOT_ASSESS else (),
    )
