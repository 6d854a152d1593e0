"""Every statement of the hub, one file a subject. Functions take a connection and never commit: the edge does."""
