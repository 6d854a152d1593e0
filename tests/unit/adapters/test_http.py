"""What a request says of its body."""

from starlette.requests import Request

from adapters.http import charset_of, content_type_of


def request(content_type: str) -> Request:
    return Request({"type": "http", "headers": [(b"content-type", content_type.encode())]})


def test_a_content_type_names_type_and_character_set() -> None:
    assert content_type_of(request(' Text/XML ; Charset="gbk"')) == "text/xml"
    assert charset_of(request('text/xml; Charset="gbk"')) == "gbk"
    found = content_type_of(request("")), charset_of(request("text/xml")), charset_of(request("text/xml; x=charset"))
    assert found == ("", "", "")
