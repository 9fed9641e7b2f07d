"""Operations, care and medicines read from words, where a chart has no code that we know."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from second_opinion import texts
from second_opinion.texts import KINDS_BY_INVASIVENESS, care_in, diagnosis_in, medicine_in, operation_in
from second_opinion.value_sets import Meaning

LUMBAR, CERVICAL, THORACIC = ("lumbar",), ("cervical",), ("thoracic",)
BOTH = ("lumbar", "thoracic")
ANYWHERE = ()

OPERATIONS = [
    # a region word and an operation word
    ("Lumbar fusion", "fusion", LUMBAR),
    ("LUMBAR FUSION", "fusion", LUMBAR),
    ("Posterior lumbar interbody fusion", "fusion", LUMBAR),
    ("Arthrodesis, lumbar, posterior technique", "fusion", LUMBAR),
    ("Low back fusion", "fusion", LUMBAR),
    ("Lumbosacral fusion", "fusion", LUMBAR),
    ("Sacral laminectomy", "decompression", LUMBAR),
    ("Lumbar laminectomy", "decompression", LUMBAR),
    ("Lumbar laminotomy", "decompression", LUMBAR),
    ("Hemilaminectomy, lumbar", "decompression", LUMBAR),
    ("Lumbar hemi-laminectomy", "decompression", LUMBAR),
    ("Cervical foraminotomy", "decompression", CERVICAL),
    ("Lumbar decompression", "decompression", LUMBAR),
    ("Neck fusion", "fusion", CERVICAL),
    ("Lumbar discectomy", "discectomy", LUMBAR),
    ("Lumbar diskectomy", "discectomy", LUMBAR),
    ("Lumbar microdiscectomy", "discectomy", LUMBAR),
    ("Lumbar micro discectomy", "discectomy", LUMBAR),
    ("Lumbar micro-discectomy", "discectomy", LUMBAR),
    ("Thoracic corpectomy", "corpectomy", THORACIC),
    ("Cervical disc replacement", "disc_arthroplasty", CERVICAL),
    ("Lumbar disk arthroplasty", "disc_arthroplasty", LUMBAR),
    ("Total disc arthroplasty C5-6", "disc_arthroplasty", CERVICAL),
    ("Occipitocervical fusion", "fusion", CERVICAL),
    ("Cervicothoracic fusion", "fusion", ("cervical", "thoracic")),
    ("Thoracolumbar fusion", "fusion", BOTH),
    # levels
    ("L4-5 laminectomy", "decompression", LUMBAR),
    ("Laminectomy L4/5", "decompression", LUMBAR),
    ("Laminectomy L4 to L5", "decompression", LUMBAR),
    ("Fusion L4-L5-S1", "fusion", LUMBAR),
    ("Fusion L5-S1", "fusion", LUMBAR),
    ("Fusion at l4/l5", "fusion", LUMBAR),
    ("Fusion C5/6", "fusion", CERVICAL),
    ("C3\N{EN DASH}C6 laminectomy", "decompression", CERVICAL),
    ("Fusion C7-T1", "fusion", ("cervical", "thoracic")),
    ("Fusion T12-L1", "fusion", BOTH),
    ("T10 decompression", "decompression", THORACIC),
    ("Fusion T10-S1", "fusion", BOTH),
    # the spine, nobody says where
    ("Spinal fusion", "fusion", ANYWHERE),
    ("Spine decompression surgery", "decompression", ANYWHERE),
    ("Vertebral corpectomy", "corpectomy", ANYWHERE),
    ("Spinal fusion L4-5", "fusion", LUMBAR),
    # acronyms count alone
    ("ACDF", "fusion", CERVICAL),
    ("acdf C5-6, C6-7", "fusion", CERVICAL),
    ("TLIF", "fusion", LUMBAR),
    ("PLIF L4-5", "fusion", LUMBAR),
    ("ALIF", "fusion", LUMBAR),
    ("XLIF L3-4", "fusion", LUMBAR),
    ("LLIF", "fusion", LUMBAR),
    ("OLIF", "fusion", LUMBAR),
    ("MIS-TLIF L4-5", "fusion", LUMBAR),
    ("MIS TLIF L4-5", "fusion", LUMBAR),
    # the most invasive of several
    ("Lumbar decompression and fusion", "fusion", LUMBAR),
    ("Decompression/fusion L4-5", "fusion", LUMBAR),
    ("Lumbar laminectomy, discectomy", "decompression", LUMBAR),
    ("Cervical corpectomy and ACDF", "corpectomy", CERVICAL),
    ("Lumbar disc replacement with decompression", "disc_arthroplasty", LUMBAR),
    # revision
    ("Revision lumbar fusion", "revision", LUMBAR),
    ("Redo L5-S1 microdiscectomy", "revision", LUMBAR),
    ("Re-exploration of lumbar laminectomy", "revision", LUMBAR),
    ("Reexploration, cervical laminectomy", "revision", CERVICAL),
    ("Revision TLIF", "revision", LUMBAR),
    ("Prior lumbar fusion, now revision decompression L4-5", "revision", LUMBAR),
    # an earlier operation beside the planned one
    ("Lumbar fusion (previous laminectomy)", "fusion", LUMBAR),
    ("Lumbar fusion after laminectomy", "fusion", LUMBAR),
    ("Lumbar fusion, s/p discectomy", "fusion", LUMBAR),
    ("Lumbar laminectomy; history of cervical fusion", "decompression", LUMBAR),
    ("L4-5 discectomy, s/p C5-6 ACDF", "discectomy", LUMBAR),
    # another joint is named, and is not what is fused
    ("Lumbar fusion with graft from the hip", "fusion", LUMBAR),
    ("L4-5 fusion, iliac crest graft, left hip", "fusion", LUMBAR),
    ("Hip fusion and lumbar fusion", "fusion", LUMBAR),
    ("Lumbar fusion for foot drop", "fusion", LUMBAR),
    # guided by an image is no image
    ("CT-guided lumbar fusion", "fusion", LUMBAR),
    ("CT navigated lumbar fusion", "fusion", LUMBAR),
]

NO_OPERATIONS = [
    # one word is missing
    "Laminectomy",
    "Decompression",
    "Lumbar",
    "L4-5",
    "Revision",
    "Revision of lumbar hardware",
    "Interbody",
    "",
    " ",
    # other joints, other operations
    "Ankle fusion",
    "Ankle fusion, lumbar spondylosis",
    "Fusion of the left ankle, L5 weakness",
    "Hip arthrodesis, low back pain",
    "Knee fusion, spine clinic",
    "Wrist fusion, neck pain",
    "Finger arthrodesis, cervical radiculopathy",
    "Foot fusion, L5",
    "Sacroiliac fusion",
    "Sacroiliac joint fusion, lumbar pain",
    "SI joint fusion, spine service",
    "Fusion, sacroiliac joint, low back",
    "Subtalar fusion, neck brace off",
    "Shoulder decompression, C6",
    "Carpal tunnel decompression",
    "Appendectomy",
    "Confusion, lumbar pain",
    "Lumbar infusion",
    "Calif. spine clinic",
    # imaging, therapy, traction, injection, stimulator, orthosis, referral, consultation, thoracic outlet
    "MRI lumbar spine after fusion",
    "MR lumbar spine, fusion",
    "CT lumbar spine, fusion",
    "X-ray of lumbar fusion",
    "Xray lumbar fusion",
    "Imaging of cervical fusion",
    "Bone scan, lumbar fusion",
    "Lumbar myelogram for fusion planning",
    "Spinal decompression therapy",
    "Lumbar decompression traction table",
    "Epidural injection, lumbar fusion",
    "Spinal cord stimulator, lumbar laminectomy",
    "Lumbar fusion with bone growth stimulation",
    "Lumbar orthosis for fusion",
    "Brace, lumbar fusion",
    "Cervical collar, ACDF",
    "Referral to spine surgery for lumbar fusion",
    "Referred for ACDF",
    "Refer for lumbar fusion",
    "Consultation for lumbar fusion",
    "Neurosurgery consult: cervical laminectomy",
    "Thoracic outlet decompression",
    # what was, not what is planned
    "Status post lumbar fusion",
    "Status-post lumbar fusion",
    "s/p lumbar fusion",
    "S/P TLIF L4-5",
    "Pain after lumbar laminectomy",
    "Prior lumbar fusion",
    "Previous ACDF",
    "History of lumbar discectomy",
    "Family history of spinal fusion",
    "h/o lumbar fusion",
    "Post-laminectomy syndrome, lumbar",
]


def test_the_tables_are_long_enough_to_be_worth_reading() -> None:
    assert len(OPERATIONS) >= 30 <= len(NO_OPERATIONS)
    assert len(CARE) >= 20 <= len(NO_CARE)


@pytest.mark.parametrize(("text", "kind", "regions"), OPERATIONS)
def test_an_operation_is_read_from_its_words(text: str, kind: str, regions: tuple[str, ...]) -> None:
    meaning = operation_in(text)
    assert meaning is not None
    assert (meaning.kind, tuple(sorted(meaning.regions))) == (kind, tuple(sorted(regions)))
    assert (meaning.value_set, meaning.label, meaning.code) == ("spine_surgery", text, "")


@pytest.mark.parametrize("text", NO_OPERATIONS)
def test_what_is_no_spine_operation_is_not_read_as_one(text: str) -> None:
    assert operation_in(text) is None


@pytest.mark.parametrize("text", [text for text, *_ in OPERATIONS] + NO_OPERATIONS)
def test_the_case_of_letters_does_not_matter(text: str) -> None:
    meanings = {case: operation_in(case) for case in (text.upper(), text.lower())}
    assert len({meaning and (meaning.kind, meaning.regions) for meaning in meanings.values()}) == 1


CARE = [
    ("Physical therapy", "physical_therapy", "physical_therapy", ANYWHERE),
    ("PHYSICAL THERAPY, lumbar", "physical_therapy", "physical_therapy", LUMBAR),
    ("Physiotherapy", "physical_therapy", "physical_therapy", ANYWHERE),
    ("PT", "physical_therapy", "physical_therapy", ANYWHERE),
    ("PT evaluation and treatment", "physical_therapy", "physical_therapy", ANYWHERE),
    ("Outpatient PT x 12 visits", "physical_therapy", "physical_therapy", ANYWHERE),
    ("Home exercise program", "physical_therapy", "physical_therapy", ANYWHERE),
    ("Core strengthening exercises", "physical_therapy", "physical_therapy", ANYWHERE),
    ("Physical therapy after lumbar fusion", "physical_therapy", "physical_therapy", LUMBAR),
    ("Chiropractic adjustment", "spinal_manipulation", "manipulation", ANYWHERE),
    ("Chiropractor visit, neck", "spinal_manipulation", "manipulation", CERVICAL),
    ("Spinal manipulation", "spinal_manipulation", "manipulation", ANYWHERE),
    ("Acupuncture", "acupuncture_or_dry_needling", "acupuncture", ANYWHERE),
    ("Dry needling, low back", "acupuncture_or_dry_needling", "acupuncture", LUMBAR),
    ("Massage therapy", "massage", "massage", ANYWHERE),
    ("CBT for chronic pain", "psychological", "psychological", ANYWHERE),
    ("Cognitive behavioral therapy", "psychological", "psychological", ANYWHERE),
    ("Cognitive-behavioural therapy", "psychological", "psychological", ANYWHERE),
    ("Pain programme", "interdisciplinary_rehab", "interdisciplinary_rehab", ANYWHERE),
    ("Interdisciplinary pain program", "interdisciplinary_rehab", "interdisciplinary_rehab", ANYWHERE),
    ("Epidural steroid injection L4-5", "epidural_injection", "injection", LUMBAR),
    ("Cervical epidural", "epidural_injection", "injection", CERVICAL),
    ("Facet block C4/5", "facet_injection_or_ablation", "injection", CERVICAL),
    ("Radiofrequency ablation, lumbar", "facet_injection_or_ablation", "injection", LUMBAR),
    ("Radio-frequency ablation", "facet_injection_or_ablation", "injection", ANYWHERE),
    ("Trigger point injection", "injection", "injection", ANYWHERE),
    ("Injections, thoracic", "injection", "injection", THORACIC),
    ("Back brace", "spinal_orthosis", "orthosis", ANYWHERE),
    ("Lumbar orthosis", "spinal_orthosis", "orthosis", LUMBAR),
    ("Spinal orthoses", "spinal_orthosis", "orthosis", ANYWHERE),
    # a referral or consultation is an order: its kind says so, and it has no modality
    ("Referral to physical therapy", "physical_therapy_referral", "", ANYWHERE),
    ("Refer to PT", "physical_therapy_referral", "", ANYWHERE),
    ("Referred for acupuncture", "acupuncture_or_dry_needling_referral", "", ANYWHERE),
    ("PT consult", "physical_therapy_referral", "", ANYWHERE),
    ("Chiropractic consultation", "spinal_manipulation_referral", "", ANYWHERE),
    ("Pain program referral", "interdisciplinary_rehab_referral", "", ANYWHERE),
]

NO_CARE = [
    "",
    "Office visit",
    "Yoga",
    "Education",
    "Pain management",
    "Lumbar fusion",
    "Stepped on a nail",
    # laboratory
    "PT/INR",
    "INR, PT",
    "Prothrombin time (PT)",
    "PT and PTT",
    "PT, laboratory",
    # a patient
    "Pt seen in clinic",
    "pt doing well",
    # anaesthesia
    "Epidural anesthesia",
    "Anaesthesia for epidural",
    "Manipulation under anesthesia",
    "Anesthesiology: epidural placed",
    "Labor epidural",
    "Epidural in labour",
    # another joint
    "Knee injection",
    "Physical therapy for hip",
    "Shoulder exercises",
    "Elbow brace",
    "Wrist orthosis",
    "Ankle brace",
    "PT, left knee",
    "Foot orthosis",
    "Feet massage",
    "Hand therapy exercises",
    "Finger exercises",
    "Thumb orthosis",
    "Toe injection",
    "Jaw exercises",
    "TMJ physical therapy",
    # injections of something else
    "Influenza vaccine injection",
    "Vaccination, injection",
    "Immunization injection",
    "Insulin injection",
    "Vitamin B12 injection",
    "Iron injection",
    "Contraceptive injection",
    "Intravitreal injection",
    "Dental braces",
]


@pytest.mark.parametrize(("text", "kind", "modality", "regions"), CARE)
def test_care_is_read_from_its_words(text: str, kind: str, modality: str, regions: tuple[str, ...]) -> None:
    meaning = care_in(text)
    assert meaning is not None
    assert (meaning.kind, meaning.modality, tuple(meaning.regions)) == (kind, modality, regions)
    assert (meaning.value_set, meaning.label, meaning.code) == ("nonsurgical_care", text, "")


@pytest.mark.parametrize("text", NO_CARE)
def test_what_is_no_care_of_the_spine_is_not_read_as_it(text: str) -> None:
    assert care_in(text) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Ibuprofen 800 MG Oral Tablet", "nsaid"),
        ("NAPROXEN", "nsaid"),
        ("acetaminophen 325 mg", "acetaminophen"),
        ("paracetamol", "acetaminophen"),
        ("Gabapentin 300 mg capsule", "gabapentinoid"),
        ("duloxetine", "snri"),
        ("amitriptyline 10 mg", "tca"),
        ("tizanidine", "muscle_relaxant"),
        ("methylprednisolone dose pack", "corticosteroid"),
        ("tramadol 50 mg", "opioid"),
        ("acetaminophen 325 MG / oxycodone hydrochloride 5 MG", "opioid"),
        ("ibuprofen/oxycodone", "opioid"),
        ("HYDROcodone-acetaminophen 5-325 mg", "opioid"),
        ("acetaminophen-codeine #3", "opioid"),
        ("naproxen-esomeprazole", "nsaid"),
    ],
)
def test_a_medicine_is_read_from_its_name_and_an_opioid_ingredient_decides(text: str, kind: str) -> None:
    meaning = medicine_in(text)
    assert meaning is not None
    assert (meaning.value_set, meaning.kind, meaning.label) == ("analgesics", kind, text)
    assert meaning.modality == ("" if kind == "opioid" else "medication")


@pytest.mark.parametrize("text", ["", "lisinopril", "metformin 500 mg", "naproxenoid", "nicotine patch"])
def test_what_is_no_pain_medicine_is_not_read_as_one(text: str) -> None:
    assert medicine_in(text) is None


@pytest.mark.parametrize(
    ("text", "kind", "regions"),
    [
        ("Lumbar spinal stenosis", "stenosis", LUMBAR),
        ("stenosis, spinal, of the lumbar region", "stenosis", LUMBAR),
        ("L4-5 SPONDYLOLISTHESIS", "spondylolisthesis", LUMBAR),
        ("Degenerative spondylolisthesis", "spondylolisthesis", ()),
        ("Cervical radiculopathy", "radiculopathy", ("cervical",)),
        ("Low back pain", "low_back_pain", LUMBAR),
        ("Lumbar disc displacement", "disc_displacement", LUMBAR),
        ("Lumbar Disk Displacement", "disc_displacement", LUMBAR),
        ("History of lumbar stenosis, now sciatica", "sciatica", LUMBAR),
        ("Spinal stenosis without neurogenic claudication", "stenosis", ()),
    ],
)
def test_a_diagnosis_is_read_when_all_the_words_of_its_name_are_there(
    text: str, kind: str, regions: tuple[str, ...]
) -> None:
    meaning = diagnosis_in(text)
    assert meaning is not None
    assert (meaning.value_set, meaning.kind, meaning.regions) == ("spine_diagnosis", kind, frozenset(regions))
    assert (meaning.label, meaning.code) == (text, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pain",
        "back",
        "Cervical cancer",
        "No sciatica",
        "denies sciatica",
        "rule out spinal stenosis",
        "R/O stenosis",
        "family history of scoliosis",
        "History of sciatica",
        "Suspected spondylolisthesis",
    ],
)
def test_what_the_patient_is_not_said_to_have_is_no_diagnosis(text: str) -> None:
    assert diagnosis_in(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Nonrheumatic aortic (valve) stenosis",
        "Occlusion and stenosis of right carotid artery",
        "Pyloric stenosis",
        "Stenosis of uterine cervix",
        "Other instability, right ankle",
        "Foot deformity",
        "Pain in the neck of femur",
        "Pain in the back of the throat",
        "Optic disc drusen",
    ],
)
def test_a_diagnosis_of_something_else_is_none_of_the_spine(text: str) -> None:
    assert diagnosis_in(text) is None


def test_a_herniated_disc_is_a_displaced_one() -> None:
    meaning = diagnosis_in("Lumbar disc herniation")
    assert meaning and meaning.kind == "disc_displacement"


def test_a_name_of_nothing_but_small_words_names_no_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    """All its words would stand in every text."""
    nameless = Meaning(value_set="spine_diagnosis", kind="other", label="Other, unspecified site")
    monkeypatch.setattr(texts, "known_meanings", lambda value_set: [nameless])
    assert texts._diagnosis_names() == []


WORDS = some.sampled_from(
    "lumbar cervical L4-5 C5/6 T12 spine fusion laminectomy discectomy ACDF TLIF revision redo ankle hip prior after "
    "s/p MRI therapy PT exercise epidural injection brace referral knee INR the of , ; ( ) . / - and".split()
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(some.lists(WORDS, max_size=12).map(" ".join) | some.text(max_size=40))
def test_any_words_are_read_as_something_that_the_rules_know_or_as_nothing(text: str) -> None:
    operation, care, medicine = operation_in(text), care_in(text), medicine_in(text)
    assert operation is None or operation.kind in KINDS_BY_INVASIVENESS
    assert operation is None or operation.regions <= {"cervical", "thoracic", "lumbar"}
    assert care is None or bool(care.modality) is not care.kind.endswith("_referral")
    assert medicine is None or bool(medicine.modality) is (medicine.kind != "opioid")


def test_a_long_text_is_no_obstacle() -> None:
    assert operation_in("lumbar " * 20_000 + "fusion")
    assert operation_in("history of " * 20_000 + "lumbar fusion") is None
    assert care_in("exercise " * 20_000)
