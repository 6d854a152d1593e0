"""The wheel carries everything: installed outside the checkout it runs the demo."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.acceptance.hub_process import environment_of
from tests.acceptance.test_demo import home

ROOT = Path(__file__).parents[2]

__all__ = ["home"]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds our wheel, and our dependencies by way of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return python


def test_a_wheel_installed_elsewhere_runs_the_demo(elsewhere: Path, home: Path) -> None:
    environment = environment_of(home)
    del environment["HUB_CONFIG_DIR"]
    where = subprocess.run(
        [elsewhere, "-c", "import hub; print(hub.__file__)"], capture_output=True, text=True, check=True, cwd=home
    )
    assert str(ROOT) not in where.stdout
    done = subprocess.run(
        [elsewhere, "-m", "hub", "demo", "--once"],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
