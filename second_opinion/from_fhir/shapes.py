"""The elements of FHIR R4 resources that we read, typed; unknown elements are skipped at the speed of parsing."""

from typing import Any, Literal

from msgspec import Raw, Struct


class Coding(Struct, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(Struct, gc=False):
    coding: list[Coding] | None = None
    text: str | None = None
    concept: Any = None  # R5's CodeableReference


class Identifier(Struct, gc=False):
    system: str | None = None
    value: str | None = None


class Reference(Struct, gc=False):
    reference: str | None = None
    display: str | None = None
    identifier: Identifier | None = None


class Period(Struct, gc=False):
    start: str | None = None
    end: str | None = None


class Quantity(Struct, gc=False):
    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None


class Meta(Struct, gc=False):
    lastUpdated: str | None = None


class Annotation(Struct, gc=False):
    text: str | None = None
    time: str | None = None


class Resource(Struct, tag_field="resourceType", gc=False):
    """What every resource may carry. `modifierExtension`: the resource may mean something else than it seems."""

    id: str | None = None
    meta: Meta | None = None
    modifierExtension: list[Any] | None = None
    contained: list[Raw] | None = None
    subject: Reference | None = None
    patient: Reference | None = None


class Patient(Resource, gc=False):
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None


class Performer(Struct, gc=False):
    actor: Reference | None = None
    function: Concept | None = None


class Procedure(Resource, gc=False):
    identifier: list[Identifier] | None = None
    status: str | None = None
    statusReason: Concept | None = None
    code: Concept | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    reasonCode: list[Concept] | None = None
    reasonReference: list[Reference] | None = None
    outcome: Concept | None = None
    performer: list[Performer] | None = None
    asserter: Reference | None = None
    occurrenceDateTime: Any = None  # R5
    occurrencePeriod: Any = None  # R5
    reason: Any = None  # R5
    notDone: Any = None  # STU3
    notPerformed: Any = None  # DSTU2


class Condition(Resource, gc=False):
    clinicalStatus: Concept | None = None
    verificationStatus: Concept | None = None
    code: Concept | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    recordedDate: str | None = None
    abatementDateTime: str | None = None
    abatementPeriod: Period | None = None
    abatementString: str | None = None
    abatementAge: Any = None
    assertedDate: Any = None  # STU3


class Component(Struct, gc=False):
    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueInteger: float | None = None


class Observation(Resource, gc=False):
    status: str | None = None
    code: Concept | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    valueQuantity: Quantity | None = None
    valueInteger: float | None = None
    valueCodeableConcept: Concept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    note: list[Annotation] | None = None
    component: list[Component] | None = None


class SupplyDuration(Quantity, gc=False):
    """A quantity of time; its unit is a UCUM code (d, wk, mo, a) or a word."""


class DispenseRequest(Struct, gc=False):
    validityPeriod: Period | None = None
    expectedSupplyDuration: SupplyDuration | None = None


class Drug(Resource, gc=False):
    """What the four medication resources share."""

    status: str | None = None
    medicationCodeableConcept: Concept | None = None
    medicationReference: Reference | None = None
    medication: Any = None  # R5


class MedicationRequest(Drug, gc=False):
    intent: str | None = None
    doNotPerform: bool | None = None
    authoredOn: str | None = None
    dispenseRequest: DispenseRequest | None = None


class MedicationStatement(Drug, gc=False):
    taken: Any = None  # STU3
    wasNotTaken: Any = None  # DSTU2
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None


class MedicationAdministration(Drug, gc=False):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None


class MedicationDispense(Drug, gc=False):
    whenHandedOver: str | None = None
    whenPrepared: str | None = None
    daysSupply: SupplyDuration | None = None


class Ingredient(Struct, gc=False):
    itemCodeableConcept: Concept | None = None


class Medication(Resource, gc=False):
    code: Concept | None = None
    ingredient: list[Ingredient] | None = None


class Repeat(Struct, gc=False):
    boundsPeriod: Period | None = None


class Timing(Struct, gc=False):
    event: list[str] | None = None
    repeat: Repeat | None = None


class Detail(Struct, gc=False):
    code: Concept | None = None
    status: str | None = None
    doNotPerform: bool | None = None
    scheduledPeriod: Period | None = None
    scheduledTiming: Timing | None = None
    reasonCode: list[Concept] | None = None
    reasonReference: list[Reference] | None = None


class Activity(Struct, gc=False):
    detail: Detail | None = None
    reference: Reference | None = None
    progress: list[Annotation] | None = None
    plannedActivityReference: Any = None  # R5


class CarePlan(Resource, gc=False):
    status: str | None = None
    intent: str | None = None
    period: Period | None = None
    created: str | None = None
    basedOn: list[Reference] | None = None
    note: list[Annotation] | None = None
    activity: list[Activity] | None = None


class ServiceRequest(Resource, gc=False):
    identifier: list[Identifier] | None = None
    status: str | None = None
    intent: str | None = None
    priority: str | None = None
    doNotPerform: bool | None = None
    code: Concept | None = None
    authoredOn: str | None = None
    occurrenceDateTime: str | None = None
    occurrencePeriod: Period | None = None
    requester: Reference | None = None
    performer: list[Reference] | None = None
    performerType: Concept | None = None
    encounter: Reference | None = None
    basedOn: list[Reference] | None = None
    reasonCode: list[Concept] | None = None
    reasonReference: list[Reference] | None = None
    reason: Any = None  # R5


class Participant(Struct, gc=False):
    individual: Reference | None = None  # Encounter
    actor: Reference | None = None  # Appointment


Kind = Coding  # Encounter.class is a lone Coding in R4, a list of concepts in R5


class Encounter(Resource, gc=False, rename={"kind": "class"}):
    status: str | None = None
    kind: Kind | None = None
    type: list[Concept] | None = None
    serviceType: Concept | None = None
    period: Period | None = None
    participant: list[Participant] | None = None
    reasonCode: list[Concept] | None = None
    reasonReference: list[Reference] | None = None
    actualPeriod: Any = None  # R5


class Appointment(Resource, gc=False):
    status: str | None = None
    start: str | None = None
    requestedPeriod: list[Period] | None = None
    serviceType: list[Concept] | None = None
    description: str | None = None
    participant: list[Participant] | None = None
    reasonCode: list[Concept] | None = None
    reasonReference: list[Reference] | None = None
    basedOn: list[Reference] | None = None


class Goal(Resource, gc=False):
    lifecycleStatus: str | None = None
    description: Concept | None = None
    startDate: str | None = None
    statusDate: str | None = None
    note: list[Annotation] | None = None


class Attachment(Struct, gc=False):
    title: str | None = None


class Content(Struct, gc=False):
    attachment: Attachment | None = None


class DocumentReference(Resource, gc=False):
    status: str | None = None
    docStatus: str | None = None
    type: Concept | None = None
    category: list[Concept] | None = None
    date: str | None = None
    description: str | None = None
    content: list[Content] | None = None


class Payload(Struct, gc=False):
    contentString: str | None = None


class Communication(Resource, gc=False):
    status: str | None = None
    category: list[Concept] | None = None
    topic: Concept | None = None
    reasonCode: list[Concept] | None = None
    sent: str | None = None
    received: str | None = None
    sender: Reference | None = None
    payload: list[Payload] | None = None
    note: list[Annotation] | None = None


class Provision(Struct, gc=False):
    code: list[Concept] | None = None


class Consent(Resource, gc=False):
    status: str | None = None
    scope: Concept | None = None
    category: list[Concept] | None = None
    dateTime: str | None = None
    provision: Provision | None = None


class Answer(Struct, gc=False):
    valueCoding: Coding | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None


class Item(Struct, gc=False):
    linkId: str | None = None
    answer: list[Answer] | None = None
    item: list["Item"] | None = None


class QuestionnaireResponse(Resource, gc=False):
    questionnaire: str | None = None
    status: str | None = None
    authored: str | None = None
    item: list[Item] | None = None


class Issue(Struct, gc=False):
    severity: str | None = None
    code: str | None = None
    diagnostics: str | None = None
    details: Concept | None = None


class OperationOutcome(Resource, gc=False):
    issue: list[Issue] | None = None


class Link(Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class Search(Struct, gc=False):
    mode: str | None = None


class Entry(Struct, gc=False):
    fullUrl: str | None = None
    resource: Raw = Raw()  # as it stands: null, an object, or anything else
    search: Search | None = None


class Bundle(Struct, gc=False):
    """Any Bundle, whatever its type and whatever is in it; entries are read one by one."""

    total: float | None = None
    link: list[Link] | None = None
    entry: list[Raw] | None = None


AnyResource = (
    Patient | Procedure | Condition | Observation | MedicationRequest | MedicationStatement | MedicationAdministration
    | MedicationDispense | Medication | CarePlan | ServiceRequest | Encounter | Appointment | Goal | DocumentReference
    | Communication | Consent | QuestionnaireResponse | OperationOutcome
)  # fmt: skip
TYPES: dict[str, type[Resource]] = {kind.__name__: kind for kind in AnyResource.__args__}


class UsualEntry(Struct, gc=False):
    """An entry as most are: a resource that we read, in the shape that R4 gives it."""

    resource: AnyResource
    fullUrl: str | None = None
    search: Search | None = None


class UsualBundle(Struct, gc=False):
    """A Bundle of such entries only: decoded in one pass, at the cost of parsing."""

    resourceType: Literal["Bundle"]
    total: float | None = None
    link: list[Link] | None = None
    entry: list[UsualEntry] | None = None
