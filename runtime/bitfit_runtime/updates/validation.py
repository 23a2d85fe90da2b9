"""Validation of a pack on this machine, before it answers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Literal

from bitfit_runtime.canary import check_canary
from bitfit_runtime.engine import Engine
from bitfit_runtime.errors import CanaryError, PackError, PackNotFoundError, TemporaryError
from bitfit_runtime.formats import Pack, parse_pack
from bitfit_runtime.updates.callbacks import Callback, Outcome, describe
from bitfit_runtime.updates.slots import StoredRelease

RETRY: Final = "retry"
# Gets an engine that holds the new pack only, under the task's name, and returns whether it answers as it should, or
# "retry" where it cannot tell for now.
HealthCheck = Callable[[Engine], bool | Literal["retry"]]
# What says nothing of the pack: no memory, no network, no disk.
PASSING: Final = (MemoryError, OSError)


class _NoVerdictError(Exception):
    """A health check returned what is neither true nor false."""


@dataclass(frozen=True, slots=True)
class Health:
    """An application's health check, and how it is called: with a deadline, and `guard` around it."""

    check: HealthCheck
    callback: Callback
    guard: Callable[[], AbstractContextManager[None]]

    def run(self, trial: Engine, where: str) -> None:
        """Raise CanaryError where `trial` is not healthy, TemporaryError where that cannot be told for now."""
        if self.callback.hangs:
            raise TemporaryError(
                f"{where} was not tried: an earlier health check has not ended; let it end, or restart the application"
            )
        outcome = self.callback.call(lambda: self._verdict(trial))
        reason = _reason_to_retry(outcome, self.callback.seconds)
        if reason is not None:
            raise TemporaryError(f"{where} could not be checked by the application ({reason}); it is tried again")
        if outcome.error is not None or not outcome.value:
            reason = describe(outcome.error) if outcome.error is not None else "it returned False"
            raise CanaryError(f"{where} failed the application's health check ({reason}); publish a corrected release")

    def _verdict(self, trial: Engine) -> bool | str:
        with self.guard():
            answer = self.check(trial)
        if isinstance(answer, str) and answer == RETRY:
            return RETRY
        try:
            return bool(answer)
        except Exception as error:  # as an array of several values
            raise _NoVerdictError(f"{type(answer).__name__} is neither true nor false: {error}") from error


def parse_stored(data: bytes | None, task: str, release: StoredRelease) -> Pack:
    """Parse a pack of the store. Raises PackNotFoundError for None, PackFormatError."""
    where = _name(task, release)
    if data is None:
        raise PackNotFoundError(f"{where} is missing from the store or was altered; fetch it again")
    return parse_pack(data, where)


def validate_pack(data: bytes | None, task: str, release: StoredRelease, engine: Engine, health: Health | None) -> Pack:
    """Return the pack if it can be decoded, answers its canary and passes the application's health check.

    Nothing changes in `engine`. Raises CanaryError, PackError or one of its subclasses for a pack that is bad, and
    TemporaryError where something else went wrong, such as a lack of memory.
    """
    try:
        pack = parse_stored(data, task, release)
        check_canary(engine, pack)
        trial = engine.fork()
        trial.install(task, pack)  # a pack without canary is decoded here
        if health is not None:
            health.run(trial, _name(task, release))
    except (CanaryError, PackError, TemporaryError):
        raise
    except BaseException as error:
        raise as_outcome(error, f"{_name(task, release)} could not be tried") from error
    return pack


def as_outcome(error: BaseException, what: str) -> TemporaryError:
    """Return an exception that says nothing of a pack as the outcome of its task; `what` failed for it.

    ONNX Runtime's and a tokenizer's exceptions share no base class, some are not even an Exception. Raises those that
    end the program.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error
    return TemporaryError(f"{what} ({describe(error)}); it is tried again")


def _reason_to_retry(outcome: Outcome, seconds: float) -> str | None:
    if not outcome.ended:
        return f"it did not end within {seconds:g} s"
    if outcome.error is not None and (
        isinstance(outcome.error, (*PASSING, _NoVerdictError)) or not isinstance(outcome.error, Exception)
    ):
        return describe(outcome.error)
    return "it asked for another try" if outcome.value == RETRY else None


def _name(task: str, release: StoredRelease) -> str:
    return f"release {release.number} of {task!r}"
