"""The edges, one folder a protocol: bytes to parsed message and back. Nothing here knows of residents."""
