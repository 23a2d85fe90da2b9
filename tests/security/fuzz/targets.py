"""What is fuzzed: functions that take any bytes, say whether they were accepted, and fail where a promise is broken.

Everywhere: nothing but a BitfitError escapes, its message is one short line that is fit to print, and what is accepted
is valid. Used by `test_fuzz.py` and, for many more inputs, by `run.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from security.fuzz.formats import fuzz_floor, fuzz_manifest, fuzz_pack, fuzz_slots
from security.fuzz.mutations import Mutation, mutate_bytes, mutate_json, mutate_pack
from security.fuzz.signed import EARLIER, fuzz_listing, fuzz_signed, fuzz_signed_pack, signed_metadata
from security.fuzz.subjects import floors, listings, manifests, packs, slots


@dataclass(frozen=True)
class Target:
    """`fuzz_one` checks an input and returns whether it was accepted, `seeds` are valid, `mutate` keeps structure."""

    fuzz_one: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]]
    mutate: Mutation


TARGETS: Mapping[str, Target] = {
    "pack": Target(fuzz_pack, packs, mutate_pack),
    "manifest": Target(fuzz_manifest, manifests, mutate_json),
    "floor": Target(fuzz_floor, floors, mutate_json),
    "slots": Target(fuzz_slots, slots, mutate_json),
    "listing": Target(fuzz_listing, listings, mutate_json),
    "signed-pack": Target(fuzz_signed_pack, lambda: packs()[:1], mutate_bytes),
} | {
    f"signed-{role}": Target(partial(fuzz_signed, role), partial(signed_metadata, role), mutate_json)
    for role in EARLIER
}
