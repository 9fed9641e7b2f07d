"""Code systems under their usual aliases, and codes as people type them."""

import re
from functools import lru_cache

# One name per system; HCPCS level I *is* CPT, and EHRs send either under either name, so they share one.
_ALIASES = {
    "CPT": (
        "ama-assn.org/go/cpt", "cpt", "cpt-4", "2.16.840.1.113883.6.12", "hcpcs", "terminology.hl7.org/codesystem/cpt",
        "cms.gov/medicare/coding/hcpcsreleasecodesets", "terminology.hl7.org/codesystem/hcpcs",
        "cms.gov/medicare/coding/medhcpcsgeninfo", "hl7.org/fhir/sid/hcpcs",
        "2.16.840.1.113883.6.285", "2.16.840.1.113883.6.14",
    ),
    "SNOMED": ("snomed.info/sct", "snomed", "snomedct", "sct", "2.16.840.1.113883.6.96"),
    "ICD10CM": ("hl7.org/fhir/sid/icd-10-cm", "icd-10-cm", "icd10cm", "2.16.840.1.113883.6.90"),
    "ICD10PCS": (
        "cms.gov/medicare/coding/icd10", "hl7.org/fhir/sid/icd-10-pcs", "icd-10-pcs", "icd10pcs",
        "2.16.840.1.113883.6.4",
    ),
    "RXNORM": ("nlm.nih.gov/research/umls/rxnorm", "rxnorm", "2.16.840.1.113883.6.88"),
    "LOINC": ("loinc.org", "loinc", "2.16.840.1.113883.6.1"),
    "V2-0336": ("terminology.hl7.org/codesystem/v2-0336", "hl7.org/fhir/v2/0336", "2.16.840.1.113883.12.336"),
}  # fmt: skip
# Where each system is, as FHIR names it; ICD-10-CM codes are written with their dot, as their owner does.
ADDRESSES = {
    "CPT": "http://www.ama-assn.org/go/cpt",
    "HCPCS": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "SNOMED": "http://snomed.info/sct",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10PCS": "http://www.cms.gov/Medicare/Coding/ICD10",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "LOINC": "http://loinc.org",
    "V2-0336": "http://terminology.hl7.org/CodeSystem/v2-0336",
}
_SYSTEMS = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
SYSTEM_NAMES = frozenset(_ALIASES) | {"HCPCS"}
_CPT_WITH_MODIFIER = re.compile(r"([0-9A-Z]\d{3}[0-9A-Z])-.*")


@lru_cache(maxsize=4096)
def system_name(uri: str) -> str | None:
    """'CPT', 'SNOMED', ... for a URL or OID in any of its usual spellings; None if we do not know the system."""
    plain = re.sub(r"^(https?://(www\.)?|urn:oid:)", "", uri.strip().lower()).partition("|")[0].rstrip("/")
    # SNOMED editions and versions follow the system (snomed.info/sct/731000124108); others use '|version'.
    return _SYSTEMS.get(plain) or ("SNOMED" if plain.startswith("snomed.info/sct/") else None)


def plain_code(system: str, code: str) -> str:
    """A code as our value sets key it: trimmed, upper case, ICD without its dot, CPT without modifiers."""
    code = code.strip().upper()
    if system == "ICD10CM":
        return code.replace(".", "")
    if system == "CPT" and (modified := _CPT_WITH_MODIFIER.fullmatch(code)):
        return modified[1]
    return code


def coding_of(written: str) -> dict[str, str]:
    """FHIR's Coding of a code as our value sets write it ('ICD10CM M4316'); {} of a local one, or of none."""
    system, _, code = written.partition(" ")
    if system not in ADDRESSES:
        return {}
    dotted = f"{code[:3]}.{code[3:]}" if system == "ICD10CM" and "." not in code and code[3:] else code
    return {"system": ADDRESSES[system], "code": dotted}
