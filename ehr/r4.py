"""What we send must be valid FHIR R4: checked with fhir.resources, whose default is R5; alone knows that library."""

from fhir.resources.R4B import get_fhir_model_class
from fhir_core.fhirabstractmodel import FHIRAbstractModel

from ehr.written import Json

# Before any model is defined: a validation error must never print what is in a chart.
FHIRAbstractModel.set_global_model_config(hide_input_in_errors=True)


def checked(resource: Json) -> Json:
    """The resource as it is. Raises ValueError, naming the elements that are wrong and none of their values."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return resource
