"""CSV files to FHIR bundles: directory, agreements, sessions and discharges as people keep them in a spreadsheet."""
