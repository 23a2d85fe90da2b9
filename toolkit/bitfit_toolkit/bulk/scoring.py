"""A chunk of rows, answered: rows of any tasks in one call, in several where their packs do not fit together."""

from collections.abc import Iterator, Sequence

from bitfit_runtime import Answer, Engine, Row
from bitfit_toolkit.bulk.reading import Asked, Item, Unanswered
from bitfit_toolkit.bulk.shelf import Shelf

Answered = tuple[int, Answer]


class Scorer:
    """Answers chunks with one engine and its shelf of packs."""

    def __init__(self, engine: Engine, shelf: Shelf) -> None:
        self._engine, self._shelf = engine, shelf

    def answer(self, items: Sequence[Item]) -> tuple[list[Answered], list[Unanswered]]:
        """Return answers and rows without, each in the order of the rows. Raises InputError, FleetError."""
        unanswered = [item for item in items if isinstance(item, Unanswered)]
        answers: list[Answered] = []
        for asked in self._that_fit([item for item in items if isinstance(item, Asked)]):
            rows: list[tuple[int, Row]] = []
            for item in asked:
                for task in item.tasks:
                    if task in self._shelf.broken:
                        unanswered.append(Unanswered(item.number, task, self._shelf.broken[task]))
                    else:
                        rows.append((item.number, Row(item.text, task, item.text_pair)))
            found = self._engine.predict([row for _, row in rows])
            answers += [(number, answer) for (number, _), answer in zip(rows, found, strict=True)]
        # Stable: several tasks of a row keep their order.
        return sorted(answers, key=lambda one: one[0]), sorted(unanswered, key=lambda one: one.number)

    def _that_fit(self, asked: Sequence[Asked]) -> Iterator[list[Asked]]:
        """Yield rows whose packs are installed together; sorted by task, so that each pack is read once at most."""
        waiting: list[Asked] = []
        pinned: set[str] = set()
        for item in sorted(asked, key=lambda item: item.tasks):
            if not self._shelf.hold(item.tasks, pinned):
                yield waiting
                waiting, pinned = [], set()
                self._shelf.hold(item.tasks, pinned)
            waiting.append(item)
            pinned.update(item.tasks)
        if waiting:
            yield waiting
