"""Mapping: rows of data turn parsed messages into FHIR R4B resources (``hub/docs/mapping.md``)."""
