"""Code systems under every name that EHRs give them, and codes as people type them."""

import pytest

from second_opinion.codes import SYSTEM_NAMES, plain_code, system_name
from second_opinion.value_sets import meanings_of


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://www.ama-assn.org/go/cpt", "CPT"),
        ("https://www.ama-assn.org/go/cpt", "CPT"),
        ("http://ama-assn.org/go/cpt", "CPT"),
        ("HTTP://WWW.AMA-ASSN.ORG/GO/CPT", "CPT"),
        ("http://www.ama-assn.org/go/cpt/", "CPT"),
        ("http://www.ama-assn.org/go/cpt|2026", "CPT"),
        (" http://www.ama-assn.org/go/cpt ", "CPT"),
        ("urn:oid:2.16.840.1.113883.6.12", "CPT"),
        ("2.16.840.1.113883.6.12", "CPT"),
        ("http://terminology.hl7.org/CodeSystem/CPT", "CPT"),
        ("CPT", "CPT"),
        ("CPT-4", "CPT"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "CPT"),
        ("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "CPT"),
        ("https://www.cms.gov/Medicare/Coding/MedHCPCSGenInfo", "CPT"),
        ("urn:oid:2.16.840.1.113883.6.285", "CPT"),
        ("urn:oid:2.16.840.1.113883.6.14", "CPT"),
        ("http://hl7.org/fhir/sid/hcpcs", "CPT"),
        ("HCPCS", "CPT"),
        ("http://snomed.info/sct", "SNOMED"),
        ("https://snomed.info/sct/", "SNOMED"),
        ("http://snomed.info/sct|http://snomed.info/sct/731000124108", "SNOMED"),
        ("http://snomed.info/sct/731000124108", "SNOMED"),
        ("http://snomed.info/sct/731000124108/version/20260301", "SNOMED"),
        ("http://snomed.info/sct/|20260301", "SNOMED"),
        ("urn:oid:2.16.840.1.113883.6.96", "SNOMED"),
        ("SNOMED", "SNOMED"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM"),
        ("http://hl7.org/fhir/sid/icd-10-cm/", "ICD10CM"),
        ("http://hl7.org/fhir/sid/icd-10-cm|2026", "ICD10CM"),
        ("urn:oid:2.16.840.1.113883.6.90", "ICD10CM"),
        ("ICD-10-CM", "ICD10CM"),
        ("ICD10CM", "ICD10CM"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "ICD10PCS"),
        ("http://hl7.org/fhir/sid/icd-10-pcs", "ICD10PCS"),
        ("urn:oid:2.16.840.1.113883.6.4", "ICD10PCS"),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "RXNORM"),
        ("https://nlm.nih.gov/research/umls/rxnorm/", "RXNORM"),
        ("urn:oid:2.16.840.1.113883.6.88", "RXNORM"),
        ("http://loinc.org", "LOINC"),
        ("https://www.loinc.org/", "LOINC"),
        ("http://loinc.org|2.80", "LOINC"),
        ("http://loinc.org/|2.80", "LOINC"),
        ("urn:oid:2.16.840.1.113883.6.1", "LOINC"),
        ("http://terminology.hl7.org/CodeSystem/v2-0336", "V2-0336"),
        ("http://hl7.org/fhir/v2/0336", "V2-0336"),
        ("urn:oid:2.16.840.1.113883.12.336", "V2-0336"),
    ],
)
def test_a_system_is_known_under_its_usual_names(uri: str, name: str) -> None:
    assert system_name(uri) == name
    assert name in SYSTEM_NAMES


@pytest.mark.parametrize(
    "uri",
    [
        "",
        " ",
        "http://",
        "urn:oid:",
        "|2026",
        "http://snomed.info",
        "http://snomed.info/scttt",
        "http://hl7.org/fhir/sid/icd-10",  # the WHO's, another system
        "http://hl7.org/fhir/sid/icd-9-cm",
        "urn:oid:2.16.840.1.113883.6.121",
        "http://ehr.example/loinc.org",
        "urn:uuid:2.16.840.1.113883.6.12",
        "http://terminology.hl7.org/CodeSystem/v2-0203",
    ],
)
def test_a_system_that_is_not_ours_is_not_taken_for_one(uri: str) -> None:
    assert system_name(uri) is None
    assert not meanings_of(uri, "22612")


@pytest.mark.parametrize(
    ("system", "written", "plain"),
    [
        ("CPT", "22612", "22612"),
        ("CPT", " 22612 ", "22612"),
        ("CPT", "22612-51", "22612"),
        ("CPT", "22612-LT-51", "22612"),
        ("CPT", "0274t-50", "0274T"),
        ("CPT", "g0283", "G0283"),
        ("CPT", "G0283-GP", "G0283"),
        ("CPT", "226120", "226120"),
        ("CPT", "2261-2", "2261-2"),
        ("ICD10CM", "M43.16", "M4316"),
        ("ICD10CM", "m43.16", "M4316"),
        ("ICD10CM", "M4316", "M4316"),
        ("ICD10CM", " S12.000A ", "S12000A"),
        ("ICD10PCS", "0sg0070", "0SG0070"),
        ("SNOMED", " 11429006", "11429006"),
        ("LOINC", "97909-6", "97909-6"),  # a LOINC hyphen is no modifier
        ("RXNORM", "5640", "5640"),
        ("V2-0336", "s", "S"),
    ],
)
def test_a_code_is_read_as_people_type_it(system: str, written: str, plain: str) -> None:
    assert plain_code(system, written) == plain


@pytest.mark.parametrize(
    ("system", "code", "kind"),
    [
        ("http://www.ama-assn.org/go/cpt", "22612-62", "fusion"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "22612", "fusion"),  # HCPCS level I is CPT
        ("http://www.ama-assn.org/go/cpt", "G0283", "passive_modality"),
        ("urn:oid:2.16.840.1.113883.6.90", "M4316", "spondylolisthesis"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "m43.16", "spondylolisthesis"),
        ("http://snomed.info/sct/731000124108/version/20260301", "11429006", "consultation"),
        ("http://hl7.org/fhir/v2/0336", "S", "referral_reason_second_opinion"),
    ],
)
def test_aliases_and_spellings_lead_to_the_same_meaning(system: str, code: str, kind: str) -> None:
    assert {meaning.kind for meaning in meanings_of(system, code)} == {kind}


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://snomed.info/sct", "22612"),
        ("http://loinc.org", "22612"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "22612"),
        ("http://www.ama-assn.org/go/cpt", "M43.16"),
        ("http://www.ama-assn.org/go/cpt", ""),
        ("http://www.ama-assn.org/go/cpt", "27447"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "I10"),
    ],
)
def test_a_code_means_something_only_in_its_own_system(system: str, code: str) -> None:
    assert not meanings_of(system, code)
