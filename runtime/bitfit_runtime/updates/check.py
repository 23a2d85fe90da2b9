"""Check of a device's tasks against signed metadata. A problem of one task leaves the others alone."""

from collections.abc import Mapping

from bitfit_runtime.errors import BitfitError, RollbackError
from bitfit_runtime.updates.client import Listing, TrustedClient
from bitfit_runtime.updates.results import UpdateCheck
from bitfit_runtime.updates.schema import Release
from bitfit_runtime.updates.slots import Slots
from bitfit_runtime.updates.store import Store
from bitfit_runtime.updates.validation import as_outcome
from bitfit_runtime.updates.version_floor import VersionFloor


def check_tasks(client: TrustedClient, store: Store, base: str, paths: Mapping[str, str]) -> UpdateCheck:
    """Compare what `client` has loaded with what the store holds, and raise the version floor.

    `paths` maps tasks to their target paths on `base`. The caller holds the store's `write_lock`. A task is refused
    where its signed metadata are malformed or below its version floor, or its slots cannot be read. Raises
    RollbackError for an old root, StoreError where the version floor cannot be read or written.
    """
    listings: dict[str, Listing] = {}
    slots: dict[str, Slots] = {}
    refused: dict[str, BitfitError] = {}
    for task in paths:
        try:
            listings[task] = client.find(base, task)  # which raises the version floor even where the slots are damaged
            slots[task] = store.read_slots(task)
        except BitfitError as error:
            refused[task] = error
        except Exception as error:
            refused[task] = as_outcome(error, f"task {task!r} could not be checked")
    floor = store.read_version_floor()
    floor.check_root(client.root_version)
    floor = floor.raised(client.root_version, {paths[task]: listing.lowest for task, listing in listings.items()})
    floor = floor.raised(0, {paths[task]: stored.newest for task, stored in slots.items()})
    store.raise_version_floor(floor)
    offered = {task: listings[task].release for task in slots}
    updates, below = _updates(offered, slots, floor)
    return UpdateCheck(
        releases=tuple(updates),
        withdrawn=tuple(task for task, release in offered.items() if release is None and slots[task].active),
        unpublished=tuple(task for task, release in offered.items() if release is None and not slots[task].active),
        refused=refused | below,
    )


def _updates(
    offered: Mapping[str, Release | None], slots: Mapping[str, Slots], floor: VersionFloor
) -> tuple[list[Release], dict[str, RollbackError]]:
    """Return the releases that are updates, and the errors of tasks whose release is below the version floor."""
    updates: list[Release] = []
    below: dict[str, RollbackError] = {}
    for task, release in offered.items():
        if release is None:
            continue
        try:
            floor.check_release(release.path, release.number)
        except RollbackError as error:
            below[task] = error
        else:
            if slots[task].accepts(release):
                updates.append(release)
    return updates, below
