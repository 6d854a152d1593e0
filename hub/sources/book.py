"""Who sent a message: the sources by name, and by what their v2 messages say of themselves."""

from collections.abc import Mapping

from hub.errors import refuse
from hub.message import Format, Source, Transport


class SourceBook:
    """The sources by name, and by application and facility of their v2 headers. It never changes: profiles that are
    read anew come with a book of their own."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.by_name = dict(sources)
        self._by_header = {
            (source.sending_application, source.sending_facility): source
            for source in sources.values()
            if source.speaks(Format.HL7V2) and source.sending_application
        }

    def find_sender(self, application: str, facility: str) -> Source:
        """The source of a v2 header (MSH-3.1, MSH-4.1). Raises Refused (unknown-source) at the one that is not known:
        the facility, where profiles name the application."""
        source = self._by_header.get((application, facility)) or self._by_header.get((application, ""))
        if source is None:
            known = any(one == application for one, _ in self._by_header)
            raise refuse("unknown-source", "MSH-4" if known or not application else "MSH-3")
        return source

    def get(self, name: str, transport: Transport) -> Source:
        """The source of that name, if it may send that way. Raises Refused (unknown-source, transport-not-declared)."""
        source = self.by_name.get(name)
        if source is None:
            raise refuse("unknown-source", "source")
        if transport not in source.transports:
            raise refuse("transport-not-declared", source=name, transport=transport.value)
        return source
