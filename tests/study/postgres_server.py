"""A PostgreSQL server for the tests: a cluster of its own in a temporary folder, on a Unix socket alone, without durability."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy

_PLACES = ("/usr/local/bin", *(str(found) for found in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
_SETTINGS = "-c fsync=off -c full_page_writes=off -c listen_addresses='' -c shared_buffers=16MB"


def missing() -> str | None:
    """Why there can be no server here; None where there can."""
    for name in ("initdb", "pg_ctl"):
        if _program(name) is None:
            return f"{name} is not installed (Debian: apt-get install postgresql)"
    return None if _user() is not None else "PostgreSQL refuses root, and there is no user postgres or nobody"


class Server:
    """A running cluster."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._as = {} if os.geteuid() else {"user": (_user() or "nobody"), "group": pwd.getpwnam(_user() or "nobody").pw_gid}
        if self._as:
            shutil.chown(self.folder, user=str(self._as["user"]))
        self._call("initdb", "-D", f"{self.folder}/data", "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    def start(self) -> None:
        options = f"{_SETTINGS} -k {self.folder}"
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://tester@/{database}?host={self.folder}"

    def create(self, database: str, template: str = "template1") -> str:
        """An empty database, or a copy of another one that nobody is connected to; returns its URL."""
        engine = sqlalchemy.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f'CREATE DATABASE "{database}" TEMPLATE "{template}"'))
        engine.dispose()
        return self.url(database)

    def _call(self, name: str, *arguments: str) -> None:
        as_whom: dict[str, Any] = {**self._as, **({"extra_groups": []} if self._as else {})}
        with (self.folder / f"{name}.out").open("ab") as out:  # pg_ctl's server inherits it: a pipe would never end
            done = subprocess.run(
                [str(_program(name)), *arguments], stdout=out, stderr=out, cwd="/", timeout=120, check=False, **as_whom
            )
        assert done.returncode == 0, (self.folder / f"{name}.out").read_text("utf-8", "replace")[-2000:]


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_PLACES)))


def _user() -> str | None:
    """Whom the server runs as: this user, or where that is root, another."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid()).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)
