"""Elements that FHIR has as extensions: one address, one value."""

from hub.mapping.converters.reader import Convert, Reader
from hub.record import Json


def extension(url: str, element: str, convert: Convert) -> Convert:
    """What another converter gives, as an extension."""

    def extend(raw: str, reader: Reader) -> Json | None:
        value = convert(raw, reader)
        return {"url": url, element: value} if value is not None else None

    return extend
