"""The door for clinical documents (HL7 CDA R2; in China WS/T 483 and WS/T 500)."""
