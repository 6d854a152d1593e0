"""The token in a request: as a bearer token, as the password of HTTP Basic (RFC 7617), or as the password of a
WS-Security UsernameToken (OASIS WSS UsernameToken Profile 1.0), since many hospital stacks can send nothing else.

Only passwords in clear text are taken: a digest can only be checked by who keeps the password, and the hub keeps no
token. So the connection has to be encrypted, as with a bearer token.
"""

from base64 import b64decode

from starlette.requests import Request

from adapters.soap.envelope import WSSE, Envelope
from adapters.xml import children, local_name, namespace_of, text_in
from hub.errors import refuse


def token_in_headers(request: Request) -> str:
    """The token in the Authorization header; "" where there is none."""
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2].strip()
    except ValueError:
        return ""


def token_in_envelope(envelope: Envelope) -> str:
    """The password of the UsernameToken. Raises Refused (soap-password-digest, soap-no-token)."""
    for header in envelope.headers:
        if namespace_of(header) != WSSE or local_name(header) != "Security":
            continue
        for password in children(header, "UsernameToken", "Password"):
            if (password.get("Type") or "").endswith("#PasswordDigest"):
                raise refuse("soap-password-digest", "Header.Security.UsernameToken.Password")
            return text_in(password)
    raise refuse("soap-no-token")
