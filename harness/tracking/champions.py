"""Which version of a registered model is used: the aliases ``champion`` and ``previous``, and how often its tests were looked at.

Owns the order of writes: whoever dies in between leaves a champion that is the old one or the new one, and a repetition ends
where the first would have ended.
"""

from __future__ import annotations

from datetime import UTC, datetime

from mlflow.exceptions import MlflowException

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.registered import PREVIOUS_CHAMPION, Registered, read_version
from harness.tracking.registry import ensure_registered_model, version_by_alias
from harness.tracking.store import Store

CHAMPION = "champion"
PREVIOUS = "previous"
_USES = "test_uses."
_DIGEST_SHOWN = 16


def champion(store: Store, name: str) -> Registered | None:
    """The version in use; None where there is none."""
    return version_by_alias(store, name, CHAMPION)


def crown(store: Store, name: str, number: int) -> None:
    """Make a version the champion; the one before stays as ``previous``. Repeating it changes nothing."""
    before = champion(store, name)
    if before is not None and before.number != number:
        store.client.set_model_version_tag(name, str(number), PREVIOUS_CHAMPION, str(before.number))
    store.client.set_registered_model_alias(name, CHAMPION, str(number))
    reigning = champion(store, name)
    if reigning is not None and reigning.previous is not None:
        store.client.set_registered_model_alias(name, PREVIOUS, str(reigning.previous))


def roll_back(store: Store, name: str) -> tuple[Registered, Registered]:
    """Make the champion before the present one the champion again; the one before that becomes ``previous``.

    Returns:
        The version that was champion, and the one that is now.

    Raises:
        HarnessError: NO_RESULT where there is no champion, or none before it that is still registered.
    """
    now = champion(store, name)
    if now is None:
        raise no_champion(name)
    if now.previous is None or (before := _version(store, name, now.previous)) is None:
        gone = "is registered no more" if now.previous is not None else "was there"
        number = f"version {now.previous}" if now.previous is not None else "no champion"
        raise HarnessError(
            f"{name} cannot be rolled back",
            why=f"version {now.number} is its champion, and before it {number} {gone}",
            fix="promote another trial with `harness promote STUDY --trial N`",
            code=ExitCode.NO_RESULT,
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    store.client.set_model_version_tag(name, str(now.number), "rolled_back_at", at)
    store.client.set_registered_model_alias(name, CHAMPION, str(before.number))
    if before.previous is None:
        store.client.delete_registered_model_alias(name, PREVIOUS)
    else:
        store.client.set_registered_model_alias(name, PREVIOUS, str(before.previous))
    return now, before


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
    """How often these test functions have decided about a registered model."""
    return int(store.client.get_registered_model(name).tags.get(_tag(digest), "0"))


def _tag(digest: str) -> str:
    return f"{_USES}{digest[:_DIGEST_SHOWN]}"


def _version(store: Store, name: str, number: int) -> Registered | None:
    try:
        return read_version(store.client, store.client.get_model_version(name, str(number)))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
