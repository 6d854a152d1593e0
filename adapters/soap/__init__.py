"""The door for SOAP 1.1 and 1.2, by which most integration platforms of Chinese hospitals call."""
