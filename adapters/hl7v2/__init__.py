"""HL7 v2 at the edge: MLLP frames, headers, character sets, tokens, acknowledgements, validation."""
