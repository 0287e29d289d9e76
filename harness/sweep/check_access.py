"""Preflight's look outside: credentials, as set or not set, and whether both stores answer.

The value of a credential is read in one place only, to ask a tracking server whether it lets this user in; it goes into that
request and nowhere else.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import sqlalchemy

from harness.config.sections import as_sources
from harness.config.sweep_config import SweepConfig
from harness.console.checks import Check
from harness.core.addresses import without_password
from harness.core.errors import ExitCode, HarnessError
from harness.data.quickstart import QUICKSTART_NAME
from harness.files.places import expanded
from harness.study.store import translated
from harness.sweep.check_found import doubtful, good
from harness.sweep.paths import Paths

TIMEOUT_S = 5.0
_HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_TRACKING = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def credentials(config: SweepConfig, environ: Mapping[str, str]) -> Iterator[Check]:
    """One check for each kind of credential that the sweep file makes use of; none where it uses none."""
    paths = Paths.of(config)
    if from_hub := _from_hub(config):
        yield _hub_token(from_hub, environ)
    if paths.tracking_uri.startswith(("http://", "https://")):
        yield _tracking_login(environ)
    for setting, url in (("study.storage", config.study.storage), ("tracking.tracking_uri", config.tracking.tracking_uri)):
        if url and url.startswith("postgres"):
            yield _postgres_login(setting, url, environ)
        elif url and _password(url):
            yield _in_the_file(f"login: {setting}")


def _from_hub(config: SweepConfig) -> list[str]:
    """What the file takes from the Hugging Face Hub."""
    model = config.model.name
    named = [model] if model != QUICKSTART_NAME and not expanded(model).is_dir() else []
    asked = (*config.data.sources, *as_sources(config.data.holdout))
    sets = [name.removeprefix("hf:").partition("#")[0] for name in asked if name.startswith("hf:")]
    return named + [name for name in sets if not expanded(name).exists()]


def _hub_token(names: list[str], environ: Mapping[str, str]) -> Check:
    """Whether a token is there, in the environment or where `hf auth login` puts it."""
    what = ", ".join(names)
    home = expanded(environ.get("HF_HOME") or "~/.cache/huggingface")
    file = expanded(environ.get("HF_TOKEN_PATH") or home / "token")
    found = next((name for name in _HUB_TOKENS if environ.get(name)), "a token file" if file.is_file() else "")
    if found:
        return good("login: Hugging Face Hub", f"{found} is set, for {what}")
    return doubtful("login: Hugging Face Hub", f"no token is set, for {what}", "set HF_TOKEN if one of them is gated or private")


def _tracking_login(environ: Mapping[str, str]) -> Check:
    name = "login: MLflow server"
    user, password, token = (bool(environ.get(key)) for key in _TRACKING)
    if token or (user and password):
        return good(name, f"{'MLFLOW_TRACKING_TOKEN is' if token else 'user name and password are'} set")
    if user or password:
        half = _TRACKING[1] if user else _TRACKING[0]
        return doubtful(name, f"{half} is not set, the other half is", f"set {half} too")
    return doubtful(name, "no user name, password or token is set", f"set {', '.join(_TRACKING)} if the server asks for them")


def _postgres_login(setting: str, url: str, environ: Mapping[str, str]) -> Check:
    name = f"login: {setting}"
    if _password(url):
        return _in_the_file(name)
    if environ.get("PGPASSWORD"):
        return good(name, "PGPASSWORD is set")
    file = expanded(environ.get("PGPASSFILE") or "~/.pgpass")
    if not file.is_file():
        fix = "write ~/.pgpass (mode 0600), or set PGPASSWORD, unless the server trusts this user"
        return doubtful(name, "neither PGPASSWORD nor a password file is there", fix)
    if file.stat().st_mode & 0o077:
        return doubtful(name, f"{file} can be read by others, so PostgreSQL's client ignores it", f"chmod 600 {file}")
    return good(name, f"{file} is there")


def _in_the_file(name: str) -> Check:
    fix = "take it out of the address: PGPASSWORD, ~/.pgpass or the server's own variables hold it just as well"
    return doubtful(name, "a password stands in the sweep file; it is kept neither with the study nor in MLflow", fix)


def _password(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.password or next(iter(urllib.parse.parse_qs(parts.query).get("password", [])), "")
    except ValueError:
        return ""


def store(name: str, url: str, experiment: str, environ: Mapping[str, str]) -> Check:
    """Whether a store answers and can be written; creates nothing.

    Raises:
        HarnessError: STORAGE.
    """
    if url.startswith("sqlite:///"):
        return _sqlite(name, Path(url.removeprefix("sqlite:///")))
    if url.startswith(("http://", "https://")):
        return _server(name, url, experiment, environ)
    return _database(name, url)


def shown(url: str) -> str:
    """An address without user, password and what else is secret in it."""
    return without_password(_without_login(url))


def _without_login(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def _sqlite(name: str, file: Path) -> Check:
    if not file.exists():
        return good(name, f"{file} will be created")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)) as opened:
            opened.execute("BEGIN IMMEDIATE")
            opened.rollback()
    except sqlite3.Error as error:
        if "locked" in str(error):
            return doubtful(name, f"{file} is locked", "another sweep is writing; a new one waits for it")
        raise _unusable(file, str(error)) from error
    if not os.access(file.parent, os.W_OK):
        raise _unusable(file, f"{file.parent} cannot be written, and SQLite keeps its journal there")
    return good(name, str(file))


def _database(name: str, url: str) -> Check:
    """A real connection, with as little waiting as the driver allows."""
    with translated(url, name):
        wait = {"connect_timeout": int(TIMEOUT_S)} if url.startswith(("postgres", "mysql")) else {}
        try:
            engine = sqlalchemy.create_engine(url, connect_args=wait)
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("SELECT 1"))
        except sqlalchemy.exc.ArgumentError as error:
            raise _unusable(shown(url), without_password(str(error))) from error
    return good(name, f"{shown(url)} answers")


def _server(name: str, url: str, experiment: str, environ: Mapping[str, str]) -> Check:
    """Ask for the experiment, as this user: whether it is there does not matter, whether the server answers does."""
    query = urllib.parse.urlencode({"experiment_name": experiment})
    address = f"{_without_login(url).rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?{query}"
    try:
        request = urllib.request.Request(address, headers=_login(url, environ))  # noqa: S310 -- http(s), as the sweep file says
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            return good(name, f"{shown(url)} answers")
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        if error.code == 404 and b"RESOURCE_DOES_NOT_EXIST" in body:
            return good(name, f"{shown(url)} answers; the experiment {experiment} will be created")
        login = " (user name, password or token)" if error.code in (401, 403) else ""
        raise _unusable(shown(url), f"it answers {error.code}{login}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unusable(shown(url), without_password(str(getattr(error, "reason", error)))) from error


def _login(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    user, password, token = (environ.get(key, "") for key in _TRACKING)
    if not user and _password(url):
        parts = urllib.parse.urlsplit(url)
        user, password = urllib.parse.unquote(parts.username or ""), urllib.parse.unquote(parts.password or "")
    if user:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _unusable(what: object, why: str) -> HarnessError:
    fix = "check address, permissions and credentials; `harness doctor` looks at the files"
    return HarnessError(f"{what} cannot be used", why=why, fix=fix, code=ExitCode.STORAGE)
