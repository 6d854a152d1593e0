"""TLS for MLLP: contexts out of PEM files, and the names in the certificate that the other side shows."""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hub.errors import refuse

_NAMED = frozenset({"DNS", "IP Address", "URI", "email"})


def server_context(certificate: Path, key: Path | None = None, client_ca: Path | None = None) -> ssl.SSLContext:
    """What a listener shows and asks for: its certificate, and a client certificate signed by `client_ca` where that is
    given. The key may stand in the certificate's file. Raises Refused (bad-tls)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, certificate, key)
    if client_ca is not None:
        _load_trusted(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(ca: Path | None = None, certificate: Path | None = None) -> ssl.SSLContext:
    """What a client trusts (`ca`; otherwise what the machine trusts) and shows (`certificate`, its key in the same
    file). Raises Refused (bad-tls)."""
    context = ssl.create_default_context() if ca is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        _load_trusted(context, ca)
    if certificate is not None:
        _load_chain(context, certificate, None)
    return context


def names_of(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The subject's common names and the alternative names of a certificate as `getpeercert` gives it; none where
    nothing was shown."""
    if not certificate:
        return frozenset()
    subject: Iterable[Iterable[tuple[str, str]]] = certificate.get("subject", ())
    common = {value for part in subject for name, value in part if name == "commonName"}
    other = {value for kind, value in certificate.get("subjectAltName", ()) if kind in _NAMED}
    return frozenset(common | other)


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # Without a password OpenSSL would ask for that of an encrypted key at a terminal that nobody sits at.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as fault:
        raise refuse("bad-tls", str(certificate), reason=_reason(fault)) from None


def _load_trusted(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(ca)
    except (OSError, ValueError) as fault:
        raise refuse("bad-tls", str(ca), reason=_reason(fault)) from None


def _reason(fault: Exception) -> str:
    """OpenSSL's own words, or the operating system's."""
    if isinstance(fault, ssl.SSLError):
        return fault.reason or "not PEM"
    return getattr(fault, "strerror", None) or type(fault).__name__
