"""Drop folders: files that a source puts down are cut into messages, kept, and moved to ``done`` or ``failed``."""
