"""Which version of a registered model is used: the aliases ``champion`` and ``previous``, and how often its tests were looked at.

Owns the line of champions, a tag of the registered model, and the order of writes: whoever dies in between leaves a champion
that is the old one or the new one, and a repetition ends where the first would have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mlflow.exceptions import MlflowException

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.registered import Registered, is_absent, read_version
from harness.tracking.registry import ensure_registered_model, version_by_alias
from harness.tracking.store import Store

CHAMPION = "champion"
PREVIOUS = "previous"
_USES = "test_uses."
_DIGEST_SHOWN = 16
_LINE = "champions"
_KEPT = 500
"""Champions that are remembered; a tag holds 5,000 characters."""
_PREVIOUS_CHAMPION = "previous_champion"
"""Tag of a version, written before there was a line: the number of the champion before it."""


def champion(store: Store, name: str) -> Registered | None:
    """The version in use; None where there is none."""
    return version_by_alias(store, name, CHAMPION)


def crown(store: Store, name: str, number: int) -> None:
    """Make a version the champion; the one before stays as ``previous``. Repeating it changes nothing."""
    line = champions(store, name)
    if line[-1:] != [number]:
        line.append(number)
    store.client.set_registered_model_tag(name, _LINE, _written(line))
    _point(store, name, line)


def roll_back(store: Store, name: str) -> tuple[Registered, Registered]:
    """Make the champion before the present one the champion again; the one before that becomes ``previous``.

    Returns:
        The version that was champion, and the one that is now.

    Raises:
        HarnessError: NO_RESULT where there is no champion, or none before it that is still registered.
    """
    now, line = champion(store, name), champions(store, name)
    if now is None:
        raise no_champion(name)
    before = _version(store, name, line[-2]) if len(line) > 1 else None
    if before is None:
        gone = f"version {line[-2]} is registered no more" if len(line) > 1 else "no champion was there"
        raise HarnessError(
            f"{name} cannot be rolled back",
            why=f"version {now.number} is its champion, and before it {gone}",
            fix="promote another trial with `harness promote STUDY --trial N`",
            code=ExitCode.NO_RESULT,
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    store.client.set_model_version_tag(name, str(now.number), "rolled_back_at", at)
    _point(store, name, line[:-1])
    store.client.set_registered_model_tag(name, _LINE, _written(line[:-1]))
    return now, before


def champions(store: Store, name: str) -> list[int]:
    """Numbers of the versions that were champion, one after the other, the present one last; what was rolled back is not in it.

    What the tag says and the alias does not, because a process died between the two or a person moved the alias, does not count.
    """
    now = champion(store, name)
    if now is None:
        return []
    told = store.client.get_registered_model(name).tags.get(_LINE)
    line = [int(number) for number in told.split(",")] if told else [one.number for one in _earlier(store, now)][::-1]
    while line and line[-1] != now.number:
        line.pop()
    return line or [now.number]


def _earlier(store: Store, now: Registered) -> list[Registered]:
    """The champion and those before it, as versions were tagged before there was a line."""
    found = [now]
    while (number := found[-1].tags.get(_PREVIOUS_CHAMPION)) and int(number) not in {one.number for one in found}:
        before = _version(store, now.name, int(number))
        if before is None:
            break
        found.append(before)
    return found


def _point(store: Store, name: str, line: Sequence[int]) -> None:
    """Have the aliases say what a line of champions says."""
    store.client.set_registered_model_alias(name, CHAMPION, str(line[-1]))
    if len(line) > 1 and _version(store, name, line[-2]) is not None:
        store.client.set_registered_model_alias(name, PREVIOUS, str(line[-2]))
    elif PREVIOUS in store.client.get_registered_model(name).aliases:
        store.client.delete_registered_model_alias(name, PREVIOUS)


def _written(line: Sequence[int]) -> str:
    return ",".join(str(number) for number in line[-_KEPT:])


def no_champion(name: str) -> HarnessError:
    """The error of a registered model without one."""
    return HarnessError(
        f"{name} has no champion",
        why="nothing has been promoted under this name in this store",
        fix="run `harness promote STUDY`; --folder and --tracking-uri name another store",
        code=ExitCode.NO_RESULT,
    )


def count_test_use(store: Store, name: str, digest: str) -> int:
    """Write down, beforehand, that test functions are about to be looked at once more; how often that makes.

    Args:
        store: The MLflow store.
        name: Registered model whose versions they decide about.
        digest: Of the test functions.
    """
    ensure_registered_model(store.client, name)
    uses = count_of_test_uses(store, name, digest) + 1
    store.client.set_registered_model_tag(name, _tag(digest), str(uses))
    return uses


def count_of_test_uses(store: Store, name: str, digest: str) -> int:
    """How often these test functions have decided about a registered model; 0 where there is none of that name."""
    try:
        return int(store.client.get_registered_model(name).tags.get(_tag(digest), "0"))
    except MlflowException as error:
        if not is_absent(error):
            raise
        return 0


def _tag(digest: str) -> str:
    return f"{_USES}{digest[:_DIGEST_SHOWN]}"


def _version(store: Store, name: str, number: int) -> Registered | None:
    try:
        return read_version(store.client, store.client.get_model_version(name, str(number)))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
