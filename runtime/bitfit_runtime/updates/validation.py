"""Validation of a pack on this machine, before it answers."""

from collections.abc import Callable

from bitfit_runtime.canary import check_canary
from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import CanaryError, PackNotFoundError
from bitfit_runtime.formats import Pack, parse_pack
from bitfit_runtime.updates.slots import StoredRelease

# Gets an engine that holds the new pack only, under the task's name, and returns whether it answers as it should.
HealthCheck = Callable[[Engine], bool]


def parse_stored(data: bytes | None, task: str, release: StoredRelease) -> Pack:
    """Parse a pack of the store. Raises PackNotFoundError for None, PackFormatError."""
    where = f"release {release.number} of {task!r}"
    if data is None:
        raise PackNotFoundError(f"{where} is missing from the store or was altered; fetch it again")
    return parse_pack(data, where)


def validate_pack(
    data: bytes | None, task: str, release: StoredRelease, engine: Engine, health: HealthCheck | None
) -> Pack:
    """Return the pack if it can be decoded, answers its canary and passes the application's health check.

    Nothing changes in `engine`. Raises CanaryError, PackError or one of its subclasses.
    """
    pack = parse_stored(data, task, release)
    check_canary(engine, pack)
    trial = engine.fork()
    trial.install(task, pack)  # a pack without canary is decoded here
    if health is not None:
        _check_health(trial, health, f"release {release.number} of {task!r}")
    return pack


def _check_health(trial: Engine, health: HealthCheck, where: str) -> None:
    try:
        healthy, reason = health(trial), "it returned False"
    except Exception as error:  # the application's own code: whatever it raises is a refusal
        healthy, reason = False, f"{type(error).__name__}: {error}"
    if not healthy:
        raise CanaryError(f"{where} failed the application's health check ({reason}); publish a corrected release")
