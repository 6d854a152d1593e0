"""CSV files to FHIR bundles: the directory, agreements and sessions as people keep them in a spreadsheet."""
