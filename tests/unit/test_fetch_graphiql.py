"""The GraphiQL page's files come whole and as pinned, or not at all; a site without npm is not held up."""

import base64
import hashlib
import io
import re
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from hub.api import fetch_graphiql
from hub.api.fetch_graphiql import ASSETS, Asset, is_complete, main

CONTENTS = {"a.js": b"let a", "b.css": b"b {}"}


def pinned(path: str, content: bytes) -> Asset:
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    return Asset(package="@some/page@1.0.0", path=path, name=f"page-1.0.0-{path}", integrity=f"sha384-{digest}")


@pytest.fixture(autouse=True)
def two_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_graphiql, "ASSETS", tuple(pinned(*each) for each in CONTENTS.items()))


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of its own, without npm yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install_npm(bin_folder: Path, script: str) -> None:
    (bin_folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (bin_folder / "npm").chmod(0o755)


def packed(folder: Path, contents: dict[str, bytes]) -> Path:
    archive = folder / "packed.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for path, content in contents.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def brings(archive: Path) -> str:
    return f'test "$1" = pack && /bin/cp "{archive}" some-page-1.0.0.tgz'


def test_the_pins_are_those_of_strawberrys_own_page() -> None:
    found = find_spec("strawberry")
    assert found is not None
    assert found.origin is not None
    page = (Path(found.origin).parent / "static" / "graphiql.html").read_text()
    loaded = re.findall(r'https://[^/]+/(.+@[\d.]+)/([^"]+)"\s+integrity="([^"]+)"', page)
    assert sorted(loaded) == sorted((one.package, one.path, one.integrity) for one in ASSETS)


def test_the_files_are_fetched_once(tmp_path: Path, bin_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install_npm(bin_folder, brings(packed(tmp_path, CONTENTS)))
    assert main(tmp_path / "assets") == 0
    assert "2 files fetched" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in (tmp_path / "assets").iterdir()} == {
        f"page-1.0.0-{path}": content for path, content in CONTENTS.items()
    }
    assert is_complete(tmp_path / "assets")
    install_npm(bin_folder, "exit 1")
    assert main(tmp_path / "assets") == 0
    assert capsys.readouterr().out == ""


def test_a_file_that_is_not_as_pinned_keeps_all_out(
    tmp_path: Path, bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_npm(bin_folder, brings(packed(tmp_path, {**CONTENTS, "b.css": b"b { evil }"})))
    assert main(tmp_path / "assets") == 1
    assert "pinned hash" in capsys.readouterr().err
    assert not (tmp_path / "assets").exists()


def test_a_changed_file_is_fetched_again(tmp_path: Path, bin_folder: Path) -> None:
    install_npm(bin_folder, brings(packed(tmp_path, CONTENTS)))
    assert main(tmp_path / "assets") == 0
    (tmp_path / "assets" / "page-1.0.0-a.js").write_bytes(b"let b")
    assert main(tmp_path / "assets") == 0
    assert is_complete(tmp_path / "assets")


@pytest.mark.usefixtures("bin_folder")
def test_without_npm_one_line_says_so_and_the_set_up_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tmp_path / "assets") == 0
    assert re.fullmatch(r"GraphiQL page: .*npm is not installed.*\n", capsys.readouterr().out)


def test_without_a_registry_one_line_says_why_and_the_set_up_goes_on(
    tmp_path: Path, bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_npm(bin_folder, "echo 'npm error network' >&2; echo more >&2; exit 1")
    assert main(tmp_path / "assets") == 0
    assert re.fullmatch(r"GraphiQL page: .*npm error network.*\n", capsys.readouterr().out)
    assert not (tmp_path / "assets").exists()
