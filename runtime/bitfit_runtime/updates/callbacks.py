"""Calls of the application's own functions: whatever they raise is an outcome, and one that hangs is left behind."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CALLBACK_TIMEOUT: Final = 60  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave: a value, or an error; neither where it has not ended in time."""

    value: object = None
    error: BaseException | None = None
    ended: bool = True


class Callback:
    """Calls of one kind, each in a thread of its own. None begins while one that was left behind is still running."""

    def __init__(self, name: str, seconds: float = CALLBACK_TIMEOUT) -> None:
        """`name` is the threads'; a call that has not ended after `seconds` is left behind."""
        self.name, self.seconds = name, seconds
        self._left: threading.Thread | None = None

    @property
    def hangs(self) -> bool:
        """Whether a call that was left behind is still running."""
        return self._left is not None and self._left.is_alive()

    def call(self, function: Callable[[], object]) -> Outcome:
        """Call a function and return its outcome. Raises RuntimeError where no thread can be started."""
        if self.hangs:
            return Outcome(ended=False)
        outcomes: list[Outcome] = []

        def work() -> None:
            try:
                outcomes.append(Outcome(function()))
            except BaseException as error:  # SystemExit as well: it is the application's answer, not its end
                outcomes.append(Outcome(error=error))

        thread = threading.Thread(target=work, name=self.name, daemon=True)
        thread.start()
        thread.join(self.seconds)
        if outcomes:
            return outcomes[0]
        self._left = thread
        return Outcome(ended=False)


def describe(error: BaseException) -> str:
    """Return the class and the message of a foreign exception, which may not even have one."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
