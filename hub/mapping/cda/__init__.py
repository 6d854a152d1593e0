"""Clinical documents (CDA) to resources: rows by data element, section and header path (``mappings/cda``)."""
