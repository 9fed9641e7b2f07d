"""What we ship: the launch settings, and a wheel that works in a new environment, away from this repository."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from second_opinion.data_needs import smart_scopes
from smart_app.sign_in.scopes import scopes_for

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LAUNCH: dict[str, Any] = json.loads((REPOSITORY / "launch.json").read_text())
FOLDERS = sorted({package.split(".")[0] for package in PROJECT["tool"]["setuptools"]["packages"]})


A_CHART = """
import json
from datetime import date
from fixtures.teaching import teaching_patients
ruth = teaching_patients(date.today())[0]
print(json.dumps(ruth.chart | {"entry": [*ruth.chart["entry"], {"resource": ruth.order}]}))
"""
IMPORT_ALL = f"""
from importlib import import_module
from pkgutil import walk_packages
for name in {FOLDERS}:
    for module in walk_packages(import_module(name).__path__, name + "."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    print(name)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command outside the repository, without anything that would let Python find it; gives its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Built from a copy: a build leaves folders behind, and what an earlier one left would hide what is missing today.
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    # The call pip would make, less pip's isolated environment, for which it would need the network.
    run(sys.executable, "-c", "from setuptools import build_meta; build_meta.build_wheel('dist')", cwd=source)
    return next((source / "dist").glob("*.whl"))


@dataclass(frozen=True)
class Environment:
    programs: Path
    packages: Path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A new virtual environment with our wheel in it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (sys.executable, "-m", "pip", "--python", programs / "python")
    run(*pip, "install", "--no-index", "--no-deps", "--no-compile", wheel, cwd=folder)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(programs / "python", "-c", asked, cwd=folder).strip())
    # Our dependencies are borrowed from the environment of the tests, so that no network is needed. Its editable
    # install of this repository is not: Python runs no .pth file of a folder that is itself named by a .pth file.
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    return Environment(programs, packages)


def test_every_file_of_our_packages_is_in_the_wheel(wheel: Path) -> None:
    written = {
        path.relative_to(REPOSITORY).as_posix()
        for folder in FOLDERS
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".md"} and not path.name.startswith(".")
    }
    shipped = set(zipfile.ZipFile(wheel).namelist())
    assert not written - shipped, "Name these in pyproject.toml, under packages or package-data"


def test_the_wheel_holds_nothing_but_our_packages(wheel: Path) -> None:
    folders = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == set(FOLDERS)


def test_the_installed_command_assesses_an_installed_chart(environment: Environment, tmp_path: Path) -> None:
    chart = tmp_path / "chart.json"
    chart.write_text(run(environment.programs / "python", "-c", A_CHART, cwd=tmp_path), "utf-8")
    assessment = json.loads(run(environment.programs / "second-opinion", "assess", chart, "--json", cwd=tmp_path))
    assert (assessment["patient"], assessment["indicator"]) == ("Patient/ruth-keller", "warning")
    assert assessment["lanes"]


def test_every_module_we_ship_can_be_imported_there(environment: Environment, tmp_path: Path) -> None:
    assert run(environment.programs / "python", "-c", IMPORT_ALL, cwd=tmp_path).split() == FOLDERS


def test_the_installed_journal_makes_its_tables(environment: Environment, tmp_path: Path) -> None:
    asked = "from journal.database import Database; print(repr(Database('sqlite:///journal.sqlite3').state()))"
    assert run(environment.programs / "python", "-c", asked, cwd=tmp_path) == "''\n"


def test_the_installed_command_explains_itself(environment: Environment, tmp_path: Path) -> None:
    assert "assess" in run(environment.programs / "second-opinion", "--help", cwd=tmp_path)


@pytest.mark.parametrize("package", FOLDERS)
def test_what_is_imported_is_the_installed_package(environment: Environment, package: str, tmp_path: Path) -> None:
    found = run(environment.programs / "python", "-c", f"import {package}; print({package}.__file__)", cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(environment.packages)


def test_the_app_asks_for_exactly_what_the_rules_need_and_its_pages_write() -> None:
    assert LAUNCH["scopes"] == ["launch", *scopes_for(["permission-v2", "permission-online"], [])]
    assert set(smart_scopes()) <= {scope.replace(".crus", ".rs") for scope in LAUNCH["scopes"]}


def test_the_settings_at_the_top_are_those_that_the_app_reads() -> None:
    assert json.loads((REPOSITORY / "smart_app" / "launch.json").read_text()) == LAUNCH


def test_every_known_sandbox_has_an_https_issuer_and_speaks_r4() -> None:
    for sandbox in LAUNCH["sandboxes"]:
        assert sandbox["issuer"].startswith("https://"), sandbox
        assert not sandbox["issuer"].endswith("/"), sandbox
        assert sandbox["fhir_version"] == "R4", sandbox


def test_launch_settings_name_the_version_we_ship() -> None:
    assert LAUNCH["client"]["software_version"] == PROJECT["project"]["version"]


@pytest.mark.parametrize("name", ["runtime.txt", "demo.txt", "dev.txt"])
def test_locks_name_no_package_index(name: str) -> None:
    lines = (REPOSITORY / "requirements" / name).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith("-")]
