"""Fetch the files of the GraphiQL page from npm, once, at set-up: ``python -m hub.api.fetch_graphiql``.

A hospital's intranet has no CDN, so the page is served from `hub/api/assets/`. The versions and the hashes
are those of the page that Strawberry brings along; a test keeps the two equal. Nothing is run from the
packages and nothing is unpacked: seven files are read out of their archives and kept only if all hashes fit.

Without npm, or without its registry, the hub works all the same; only the GraphiQL page is missing.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("assets")
FETCH_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One file of an npm package. `name` is its name in FOLDER; `integrity` is as in HTML's attribute."""

    package: str
    path: str
    name: str
    integrity: str

    @property
    def archive(self) -> str:
        """What `npm pack` calls the package's archive."""
        name, _, version = self.package.rpartition("@")
        return f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"

    def fits(self, content: bytes) -> bool:
        """Whether these are the bytes that the hash was made of."""
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        return self.integrity == f"sha384-{digest}"


ASSETS = (
    Asset(
        package="react@18.2.0",
        path="umd/react.production.min.js",
        name="react-18.2.0.min.js",
        integrity="sha384-tMH8h3BGESGckSAVGZ82T9n90ztNXxvdwvdM6UoR56cYcf+0iGXBliJ29D+wZ/x8",
    ),
    Asset(
        package="react-dom@18.2.0",
        path="umd/react-dom.production.min.js",
        name="react-dom-18.2.0.min.js",
        integrity="sha384-bm7MnzvK++ykSwVJ2tynSE5TRdN+xL418osEVF2DE/L/gfWHj91J2Sphe582B1Bh",
    ),
    Asset(
        package="js-cookie@3.0.5",
        path="dist/js.cookie.min.js",
        name="js-cookie-3.0.5.min.js",
        integrity="sha384-/vxhYfM1LENRhdpZ8dwEsQn/X4VhpbEZSiU4m/FwR+PVpzar4fkEOw8FP9Y+OfQN",
    ),
    Asset(
        package="graphiql@3.8.3",
        path="graphiql.min.js",
        name="graphiql-3.8.3.min.js",
        integrity="sha384-HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
    ),
    Asset(
        package="graphiql@3.8.3",
        path="graphiql.min.css",
        name="graphiql-3.8.3.min.css",
        integrity="sha384-Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
    ),
    Asset(
        package="@graphiql/plugin-explorer@1.0.2",
        path="dist/index.umd.js",
        name="graphiql-plugin-explorer-1.0.2.js",
        integrity="sha384-2oonKe47vfHIZnmB6ZZ10vl7T0Y+qrHQF2cmNTaFDuPshpKqpUMGMc9jgj9MLDZ9",
    ),
    Asset(
        package="@graphiql/plugin-explorer@1.0.2",
        path="dist/style.css",
        name="graphiql-plugin-explorer-1.0.2.css",
        integrity="sha384-5DFJlDPW2tSATRbM8kzoP1j194jexLswuNmClWoRr2Q0x7R68JIQzPHZ02Faktwi",
    ),
)
"""In the order in which the page loads its scripts."""


class NotFetched(Exception):  # noqa: N818 - the page is missing, the hub is not
    """npm brought nothing. The text says why."""


def is_complete(folder: Path = FOLDER) -> bool:
    """Whether every file is there, unchanged."""
    return all((folder / one.name).is_file() and one.fits((folder / one.name).read_bytes()) for one in ASSETS)


def fetch(npm: str, archives: Path) -> None:
    """Have npm put the packages' archives into a folder, and its cache too: a home may not be writable."""
    packages = list(dict.fromkeys(one.package for one in ASSETS))
    command = [
        npm,
        "pack",
        "--loglevel=error",
        "--ignore-scripts",
        f"--cache={archives / 'cache'}",
        *packages,
    ]
    try:
        done = subprocess.run(  # noqa: S603 - names and versions are constants
            command,
            cwd=archives,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotFetched(f"npm did not answer within {FETCH_SECONDS:.0f} seconds") from error
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines() or ["it did not say why"]
        raise NotFetched(f"npm could not fetch the packages: {complaint[0]}")


def read(archives: Path) -> Mapping[str, bytes]:
    """The files out of the archives, by their names in FOLDER. ValueError when one is not as pinned."""
    found = {}
    for one in ASSETS:
        with tarfile.open(archives / one.archive) as archive:
            member = archive.extractfile(f"package/{one.path}")
            content = member.read() if member else b""
        if not one.fits(content):
            raise ValueError(f"{one.path} of {one.package} does not have the pinned hash")
        found[one.name] = content
    return found


def keep(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write the files, each under its name only when it is whole."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        partial = folder / f"{name}.partial"
        partial.write_bytes(content)
        partial.replace(folder / name)


def main(folder: Path = FOLDER) -> int:
    """Fetch what is missing. 0 also when there is no npm; 1 when a file is not what it should be."""
    if is_complete(folder):
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print("GraphiQL page: left out, because npm is not installed. Install Node.js, then run `make setup`.")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="hub-npm-") as archives:
            fetch(npm, Path(archives))
            keep(read(Path(archives)), folder)
    except NotFetched as error:
        print(f"GraphiQL page: left out, because {error}. Run `make setup` again when npm works.")
        return 0
    except (ValueError, KeyError, OSError, tarfile.TarError) as error:
        print(f"GraphiQL page: nothing was written. {error}", file=sys.stderr)
        return 1
    print(f"GraphiQL page: {len(ASSETS)} files fetched from npm, hashes checked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
