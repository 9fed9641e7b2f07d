"""A PostgreSQL server of our own for the tests: Debian's programs, a temporary folder, a socket instead of a port."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

_MISSING = "No PostgreSQL server programs. On Debian and Ubuntu: apt-get install postgresql, or `make postgresql`."
_SPEED = "-c fsync=off -c full_page_writes=off -c max_connections=200 -c listen_addresses='' -k"


class Cluster:
    """One server; each test gets a schema of its own in it, since a database of its own would be megabytes to copy."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.data = programs, folder, f"{folder}/data"
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "-D", self.data)
        self.start()

    def start(self) -> None:
        options = f"{_SPEED} {self.folder}"
        self._run(
            "pg_ctl", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def new_database(self) -> str:
        """The URL of one that is empty, as far as anybody sees who comes by it."""
        schema = f"test_{uuid4().hex}"
        self.execute(f'CREATE SCHEMA "{schema}"')
        return f"postgresql://postgres@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"

    def execute(self, statement: str, url: str | None = None) -> list[tuple[object, ...]]:
        with psycopg.connect(
            url or f"postgresql://postgres@/postgres?host={self.folder}", autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All its processes stand still: connections stay open, and nobody answers."""
        first = int(Path(self.data, "postmaster.pid").read_text("ascii").split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text("ascii").split()
        processes = [first, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def _run(self, program: str, *arguments: str) -> None:
        # initdb refuses to work for root.
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        with (self.folder / "output").open("w+") as output:  # a pipe would stay open with the server
            command = [*user, str(self.programs / program), *arguments]
            done = subprocess.run(command, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, timeout=300)
        assert done.returncode == 0, f"{program} failed:\n{(self.folder / 'output').read_text()}"


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="journal-"))  # not pytest's own: another user must get in, and paths be short
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        cluster = Cluster(programs, folder)
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    """The newest version there is."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = [Path(found).resolve().parent for found in [shutil.which("pg_ctl")] if found]
    folders = [folder for folder in (*reversed(debian), *on_path) if (folder / "initdb").exists()]
    return folders[0] if folders else pytest.fail(_MISSING)
