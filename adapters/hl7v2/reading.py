"""Bytes to a tokenized v2 message, as the worker reads what the listener kept."""

from adapters.hl7v2.charset import decode
from adapters.hl7v2.header import read_header
from adapters.hl7v2.tokenizer import tokenize
from hub.message import V2Message


def read(raw: bytes, charset: str) -> V2Message:
    """The message in these bytes; `charset` is the source profile's, for senders that declare none.

    Raises `Refused`: "unreadable-frame", "wide-charset", "wrong-charset", "unknown-charset".
    """
    return tokenize(decode(raw, read_header(raw), charset))
