"""Looking things up in the model registry and beside it, without changing or creating anything; and the tags that link them.

Owns how a version is named on a command line: ``NAME`` (its champion), ``NAME@alias``, ``NAME/3``. Registering and moving
aliases are `harness.tracking.registry`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from harness.core.addresses import without_password
from harness.core.errors import ExitCode, HarnessError
from harness.tracking.champions import CHAMPION
from harness.tracking.registered import Registered, is_absent, read_version

_GIVEN = re.compile(r"(?P<name>[^@/]+)(?:@(?P<alias>[^@/]+)|/(?P<number>\d+))?")


@dataclass(frozen=True, slots=True)
class Asked:
    """A version as a person names it: by number, or by alias."""

    name: str
    alias: str | None = CHAMPION
    number: int | None = None

    def __str__(self) -> str:
        return f"{self.name}/{self.number}" if self.number is not None else f"{self.name}@{self.alias}"


def parse_version(given: str) -> Asked | None:
    """A version as a person writes it; None for what cannot be one."""
    read = _GIVEN.fullmatch(given)
    if read is None or not read["name"].strip(". "):
        return None
    if read["number"]:
        return Asked(read["name"], None, int(read["number"]))
    return Asked(read["name"], read["alias"] or CHAMPION)


class Registry:
    """The registry of a store, for reading.

    Args:
        tracking_uri: Of the store; it exists.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._uri = tracking_uri
        self._client = MlflowClient(tracking_uri=tracking_uri)

    @classmethod
    def at(cls, tracking_uri: str) -> Registry:
        """Open a store, which looking must not create.

        Raises:
            HarnessError: BAD_INPUT where there is none.
        """
        file = Path(tracking_uri.removeprefix("sqlite:///"))
        if tracking_uri.startswith("sqlite:///") and not (file.is_file() and file.stat().st_size):
            raise HarnessError(
                f"there is no registry at {file}",
                why="no sweep has run there",
                fix="run `harness sweep FILE` first, or name the place with --folder or --tracking-uri",
            )
        return cls(tracking_uri)

    def find(self, asked: Asked) -> Registered:
        """A version.

        Raises:
            HarnessError: NO_RESULT where there is no champion yet, BAD_INPUT for an unknown name, number or alias, STORAGE
                when the store does not answer.
        """
        try:
            if asked.number is not None:
                return read_version(self._client, self._client.get_model_version(asked.name, str(asked.number)))
            return read_version(self._client, self._client.get_model_version_by_alias(asked.name, asked.alias or CHAMPION))
        except MlflowException as error:
            if not is_absent(error):
                raise self._unusable(error) from error
            raise self._absent(asked) from error
        except SQLAlchemyError as error:
            raise self._unusable(error) from error

    def with_weights(self, sha256: str) -> Registered | None:
        """The newest version that holds these weights; None where there is none."""
        try:
            found = self._client.search_model_versions(f"tags.adapter_sha256 = '{sha256}'")
        except (MlflowException, SQLAlchemyError) as error:
            raise self._unusable(error) from error
        newest = max(found, key=lambda version: int(version.last_updated_timestamp or 0), default=None)
        # Only a version that is asked for by its number comes with its aliases.
        return None if newest is None else self.find(Asked(newest.name, None, int(newest.version)))

    def fetch(self, version: Registered, folder: Path) -> None:
        """Copy a version's files into an empty folder.

        Raises:
            HarnessError: STORAGE when they are gone.
        """
        try:
            made = download_artifacts(artifact_uri=version.artifact_uri, dst_path=str(folder), tracking_uri=self._uri)
            if Path(made) != folder:  # MLflow makes a folder named like the last part of the address
                for file in [*Path(made).iterdir()]:
                    file.rename(folder / file.name)
                Path(made).rmdir()
        except (MlflowException, OSError) as error:
            raise HarnessError(
                f"the files of {version} are gone",
                why=next(iter(str(error).splitlines()), type(error).__name__),
                fix="restore the artifacts of the MLflow store from a backup, or promote the trial again",
                code=ExitCode.STORAGE,
            ) from error

    def run_gone(self, run_id: str) -> str | None:
        """Why a run cannot be looked at, in words; None where it can."""
        try:
            run = self._client.get_run(run_id)
        except MlflowException:
            return "there is no such run in this store"
        return "the run was deleted" if run.info.lifecycle_stage == "deleted" else None

    def run_tags(self, run_id: str) -> Mapping[str, str]:
        """Tags of a run; empty where there is none."""
        try:
            return dict(self._client.get_run(run_id).data.tags)
        except MlflowException:
            return {}

    def model_gone(self, model_id: str) -> str | None:
        """Why a logged model cannot be looked at, in words; None where it can."""
        try:
            self._client.get_logged_model(model_id)
        except MlflowException:
            return "there is no such logged model in this store"
        return None

    def names(self) -> list[str]:
        """Every registered model."""
        return sorted(model.name for model in self._client.search_registered_models())

    def _absent(self, asked: Asked) -> HarnessError:
        names = self.names()
        if asked.name not in names:
            known = f"registered here: {', '.join(names) or 'nothing yet'}"
            fix = "name one of them, or an adapter folder; `harness promote STUDY` registers one"
            return HarnessError(f"nothing is registered as {asked.name!r}", why=known, fix=fix)
        model = self._client.get_registered_model(asked.name)
        if asked.number is not None:
            quoted = asked.name.replace("'", "''")
            numbers = sorted(int(v.version) for v in self._client.search_model_versions(f"name = '{quoted}'"))
            why = f"versions: {', '.join(map(str, numbers)) or 'none'}"
            return HarnessError(f"{asked.name} has no version {asked.number}", why=why, fix="name one of them")
        aliases = ", ".join(sorted(model.aliases)) or "none"
        if asked.alias == CHAMPION:
            fix = "run `harness promote STUDY`, or name a version: NAME/1"
            return HarnessError(f"{asked.name} has no champion yet", why=f"aliases: {aliases}", fix=fix, code=ExitCode.NO_RESULT)
        fix = "name one of them, or a version: NAME/1"
        return HarnessError(f"{asked.name} has no alias {asked.alias!r}", why=f"aliases: {aliases}", fix=fix)

    def _unusable(self, error: Exception) -> HarnessError:
        return HarnessError(
            f"the registry at {without_password(self._uri)} cannot be read",
            why=without_password(next(iter(str(error).splitlines()), type(error).__name__)),
            fix="check that the store exists and answers; `harness doctor` says more",
            code=ExitCode.STORAGE,
        )


def link_back(client: MlflowClient, version: Registered) -> None:
    """Have the run and the logged model name the version that came of them; repeating it changes nothing.

    Args:
        client: Of the store.
        version: Just registered; it names them.
    """
    named = {
        "registered_model": version.name,
        "registered_version": str(version.number),
        "adapter_sha256": version.adapter_sha256,
    }
    if version.run_id:
        for key, value in {**named, "logged_model": version.model_id}.items():
            client.set_tag(version.run_id, key, value)
    if version.model_id:
        client.set_logged_model_tags(version.model_id, named)
