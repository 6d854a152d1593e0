"""FHIR R4 at the edge: request bodies to validated entries, refusals to OperationOutcome."""
