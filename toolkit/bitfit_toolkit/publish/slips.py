"""Slips that a publication refuses unless it is forced: they cannot be taken back on devices."""

from typing import Final

from bitfit_runtime.errors import PackError
from bitfit_runtime.formats import PackInfo, parse_pack
from bitfit_runtime.updates.schema import Release
from bitfit_toolkit.errors import PublishError
from bitfit_toolkit.publish.packs import Candidate

# A larger step is more often a slip than a numbering of one's own.
LARGEST_STEP: Final = 1_000
SHOWN_LABELS: Final = 8


def check_step(task: str, number: int, last: int) -> None:
    """Raise PublishError where a release number is far beyond the task's last: no smaller one is ever accepted."""
    if number > last + LARGEST_STEP:
        raise PublishError(
            f"release {number} of task {task!r} is far beyond its last, {last}, and devices never accept a smaller one "
            "again; leave out `release`, or ask for it again with `force`"
        )


def check_same_kind(candidate: Candidate, newest: Release, data: bytes | None) -> None:
    """Raise PublishError where a pack answers with another type or other labels than the task's newest release.

    `data` is that release's pack, None where it is missing; then only the number of labels is compared.
    """
    former, new = _info(data), _info(candidate.data)
    changes: list[str] = []
    if former is None or new is None:
        if newest.label_count != candidate.label_count:
            changes.append(f"from {newest.label_count} labels to {candidate.label_count}")
    else:
        if former.task_type != new.task_type:
            changes.append(f"its type from {former.task_type} to {new.task_type}")
        if former.labels != new.labels:
            changes.append(f"its labels from {_shown(former.labels)} to {_shown(new.labels)}")
    if changes:
        raise PublishError(
            f"task {candidate.task!r} would change {' and '.join(changes)}, which applications may misread; publish it "
            "under another name, or ask for it again with `force`"
        )


def _info(data: bytes | None) -> PackInfo | None:
    if data is None:
        return None
    try:
        return parse_pack(data, "the pack").info
    except PackError:
        return None


def _shown(labels: tuple[str, ...]) -> str:
    more = f" … ({len(labels)})" if len(labels) > SHOWN_LABELS else ""
    return f"{', '.join(labels[:SHOWN_LABELS]) or 'none'}{more}"
