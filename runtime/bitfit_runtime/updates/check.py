"""What signed metadata mean for each task of a device. One task's trouble is its own: the others are judged as ever."""

from collections.abc import Mapping

from bitfit_runtime.errors import BitfitError, StoreError, UntrustedUpdateError
from bitfit_runtime.updates.client import TrustedClient
from bitfit_runtime.updates.results import UpdateCheck
from bitfit_runtime.updates.schema import Release
from bitfit_runtime.updates.slots import Slots
from bitfit_runtime.updates.store import Store


def judge(client: TrustedClient, store: Store, base: str, paths: Mapping[str, str]) -> UpdateCheck:
    """Compare what `client` has loaded with what the store holds, and raise the floor.

    `paths` are the tasks' targets on `base`. The store's lock is held. A task is refused where what was signed of it is
    malformed or below its floor, or its pointer cannot be read. Raises RollbackError for an old root, StoreError where
    the floor cannot be read or written.
    """
    listed: dict[str, tuple[Release | None, int]] = {}
    pointers: dict[str, Slots] = {}
    refused: dict[str, BitfitError] = {}
    for task in paths:
        try:
            listed[task] = client.find(base, task)
            pointers[task] = store.pointer(task)
        except (StoreError, UntrustedUpdateError) as error:
            refused[task] = error
    floor = store.floor()
    floor.check_root(client.root_version)
    floor = floor.raised(client.root_version, {paths[task]: lowest for task, (_, lowest) in listed.items()})
    floor = floor.raised(0, {paths[task]: pointer.newest for task, pointer in pointers.items()})
    store.raise_floor(floor)

    releases: list[Release] = []
    absent: list[str] = []
    for task, pointer in pointers.items():
        release, _ = listed[task]
        if release is None:
            absent.append(task)
            continue
        try:
            floor.check_release(release.path, release.number)
        except UntrustedUpdateError as error:
            refused[task] = error
            continue
        if pointer.wants(release):
            releases.append(release)
    return UpdateCheck(
        tuple(releases),
        withdrawn=tuple(task for task in absent if pointers[task].active is not None),
        missing=tuple(task for task in absent if pointers[task].active is None),
        refused=refused,
    )
