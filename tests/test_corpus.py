"""Charts of other makers, as they are: each is assessed or refused by name, and none is an error of ours."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import json

from plugin.cli import main

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
SAMPLE = 50
HEAD = {"file", "patient", "as_of", "planned_surgery", "silenced_by", "indicator", "findings", "lanes"}


def files_in(archive: str) -> Iterator[tuple[str, bytes]]:
    """The files of an archive, read only as far as they are wanted."""
    path = CORPUS / archive
    if not path.exists():
        pytest.skip(f"{path} is not here: others' charts are not part of the repository")
    if not shutil.which("zstd"):
        pytest.skip("zstd is not on the PATH: it unpacks others' charts")
    with subprocess.Popen(["zstd", "-dc", "--long=27", path], stdout=subprocess.PIPE) as unpacking:
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as found:
                for member in found:
                    if member.isfile() and (content := found.extractfile(member)):
                        yield member.name, content.read()
        finally:
            unpacking.kill()


def assess(folder: Path) -> tuple[dict[str, Any], str, int]:
    """The assessments by file, what was said on standard error, and the exit code; every file is named."""
    paths = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    done = CliRunner().invoke(main, ["assess", "--json", "--as-of", "2026-11-22", *paths])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 2)
    assert "Traceback" not in done.output
    lines = [json.decode(line) for line in done.stdout.splitlines()]
    refused = [line.partition(": ")[0] for line in done.stderr.splitlines()]
    assert sorted([line["file"] for line in lines] + refused) == paths
    return {line["file"]: line for line in lines}, done.stderr, done.exit_code


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for number, (name, content) in enumerate(files_in("robustness.tar.zst")):
        (folder / f"{number}-{Path(name).name}").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patients")
    for number, (_, content) in enumerate(islice(files_in("bench-synthea-r4-617.tar.zst"), SAMPLE)):
        (folder / f"{number}.json").write_bytes(content)
    return folder


def test_every_file_of_ten_makers_is_assessed_or_refused_by_name(unpacked: Path) -> None:
    assessed, said, code = assess(unpacked)
    assert len(assessed) > 200
    assert code == 2
    assert "LICENSE: it is not valid JSON" in said
    for line in assessed.values():
        assert_form(line)


def test_every_synthetic_patient_is_assessed_and_read_in_full(patients: Path) -> None:
    assessed, said, code = assess(patients)
    assert (len(assessed), said, code) == (SAMPLE, "", 0)
    for line in assessed.values():
        assert_form(line)
        assert line["patient"].startswith("Patient/")
        assert {lane["state"] for lane in line["lanes"].values()} == {"complete"}
        assert line["lanes"]["patient"]["count"] == 1


def assert_form(line: dict[str, Any]) -> None:
    assert set(line) == HEAD
    assert line["lanes"]
    if line["planned_surgery"] is None:
        assert (line["findings"], line["indicator"], line["silenced_by"]) == ([], None, None)
    if line["silenced_by"]:
        assert line["indicator"] is None


def test_every_file_as_text_as_well(unpacked: Path, patients: Path) -> None:
    for folder in (unpacked, patients):
        done = CliRunner().invoke(main, ["assess", "--as-of", "2026-11-22", str(folder)])
        assert done.exit_code in (0, 2)
        for path in folder.glob("*.json"):
            assert str(path) in done.output
