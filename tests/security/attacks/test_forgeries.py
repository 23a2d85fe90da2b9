"""Nothing answers that the publisher's keys did not sign, and a stolen key does no more than is promised."""

import hashlib
from dataclasses import replace

import pytest
from tuf.api.metadata import Root, Snapshot, TargetFile, Targets, Timestamp

from bitfit_runtime.errors import BitfitError, CanaryError, PackMismatchError, UnreachableError, UntrustedUpdateError
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates.schema import BASES_FIELD, PACKS_FOLDER, UPDATE_LIMITS, Release, base_folder, target_path
from support.attacker import CHAIN, Answer, Attacker, body, endless, missing, newest, sets
from support.packs import random_pack
from support.victim import Victim


def offer(victim: Victim, attacker: Attacker, pack: bytes, base: str = "") -> None:
    """Publish a pack as release 3 of the task, with the keys that the attacker has."""
    digest = hashlib.sha256(pack).hexdigest()
    release = Release(base or victim.base.manifest.digest, "mood", 3, len(pack), digest, 2, {})
    target = TargetFile(len(pack), {"sha256": digest}, release.path, {"custom": release.to_custom()})
    attacker.answers[f"{PACKS_FOLDER}/{base_folder(release.base)}/{digest}.mood.safetensors"] = pack

    def change(targets: Targets) -> None:
        targets.targets[release.path] = target
        targets.unrecognized_fields[BASES_FIELD] = {base_folder(release.base): release.base}

    attacker.publish(targets=change)


@pytest.mark.parametrize("role", CHAIN)
def test_each_role_must_be_signed_by_its_own_key(victim: Victim, role: str) -> None:
    attacker = victim.attack(*(other for other in CHAIN if other != role))
    offer(victim, attacker, serialize(victim.sign(random_pack(victim.base, 66))))
    with pytest.raises(UntrustedUpdateError, match=f"{role} was signed by 0/1 keys"):
        victim.updater.check()
    assert any(role in path for path in attacker.used)
    victim.replace_keys(*(other for other in CHAIN if other != role))


@pytest.mark.parametrize("role", [Timestamp.type, Snapshot.type])
def test_the_key_of_one_role_signs_no_other(victim: Victim, role: str) -> None:
    attacker = victim.attack(Timestamp.type, Snapshot.type)
    attacker.keys[Targets.type] = attacker.keys[role]
    offer(victim, attacker, serialize(victim.sign(random_pack(victim.base, 66))))
    with pytest.raises(UntrustedUpdateError, match="targets was signed by 0/1 keys"):
        victim.updater.check()
    victim.replace_keys(Timestamp.type, Snapshot.type)


def test_a_bin_must_be_signed_by_the_key_that_delegates_to_it(victim_of_bins: Victim) -> None:
    victim_of_bins.publish("mood", 3, seed=3)
    attacker = victim_of_bins.attack()
    bins = newest(victim_of_bins.site, Targets.type).delegations.succinct_roles
    role = bins.get_role_for_target(victim_of_bins.path)
    name = attacker.forge(role, lambda targets: targets.targets[victim_of_bins.path].custom.update(release=7))
    victim_of_bins.refuses(UntrustedUpdateError, f"{role} was signed by 0/1 keys")
    assert attacker.used == {name}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (b"{}", UntrustedUpdateError, "not what the trusted keys signed"),
        (b"\xff" * 100, UntrustedUpdateError, "not what the trusted keys signed"),
        (missing, UnreachableError, "HTTP status 404"),
        (endless, UntrustedUpdateError, "more than the allowed"),
    ],
    ids=["malformed", "no text", "missing", "endless"],
)
def test_a_bin_that_is_not_what_was_signed_holds_up_its_own_tasks_alone(
    victim_of_bins: Victim, answer: bytes | Answer, error: type[BitfitError], says: str
) -> None:
    for task in ("mood", "spam"):
        victim_of_bins.publish(task, 3, seed=3)
    attacker = victim_of_bins.attack()
    bins = newest(victim_of_bins.site, Targets.type).delegations.succinct_roles
    role = bins.get_role_for_target(victim_of_bins.path)
    assert role != bins.get_role_for_target(target_path(victim_of_bins.base.manifest.digest, "spam"))
    name = f"metadata/{newest(victim_of_bins.site, role).version}.{role}.json"
    attacker.answers[name] = answer
    victim_of_bins.refuses(error, says)
    assert attacker.used == {name}
    results = {result.task: result for result in victim_of_bins.updater.run(victim_of_bins.engine)}
    assert results["spam"].active and isinstance(results["mood"].error, error)


def test_a_bin_that_failed_is_asked_for_once_for_all_of_its_tasks(victim_of_bins: Victim) -> None:
    victim_of_bins.publish("mood", 3, seed=3)
    attacker, asked = victim_of_bins.attack(), []
    bins = newest(victim_of_bins.site, Targets.type).delegations.succinct_roles
    role, digest = bins.get_role_for_target(victim_of_bins.path), victim_of_bins.base.manifest.digest
    names = [name for name in (f"other-{i}" for i in range(2000))
             if bins.get_role_for_target(target_path(digest, name)) == role][:3]  # fmt: skip
    attacker.answers[f"metadata/{newest(victim_of_bins.site, role).version}.{role}.json"] = lambda handler: (
        asked.append(handler.path),
        body(handler, b"{}"),
    )
    found = victim_of_bins.open(["mood", *names]).check()
    assert set(found.refused) == {"mood", *names} and len(names) == 3 and len(asked) == 1


@pytest.mark.parametrize("altered", ["bytes", "shorter", "longer", "another task's"])
def test_a_pack_that_is_not_the_signed_one_is_refused(victim: Victim, altered: str) -> None:
    attacker = victim.attack()
    victim.publish("mood", 3, seed=3)
    path = victim.pack_path()
    whole = (victim.site / path).read_bytes()
    attacker.answers[path] = {
        "bytes": whole[:-1] + bytes([whole[-1] ^ 1]),
        "shorter": whole[:-1],
        "longer": whole + b"\0",
        "another task's": (victim.site / victim.pack_path("spam")).read_bytes(),
    }[altered]
    [outcome] = victim.run()
    assert isinstance(outcome.error, UntrustedUpdateError) and attacker.used == {path}


def test_a_thief_of_all_online_keys_cannot_bring_a_pack_for_another_base(victim: Victim) -> None:
    pack = random_pack(victim.base, 66)
    twin = victim.base.manifest.digest[:-1] + ("0" if victim.base.manifest.digest[-1] != "0" else "1")
    data = serialize(replace(pack, info=replace(pack.info, base=twin)))
    with pytest.raises(PackMismatchError):
        victim.published.validate("mood", replace(pack, info=replace(pack.info, base=twin)))
    attacker = victim.attack(*CHAIN)
    offer(victim, attacker, data)
    [outcome] = victim.run()
    assert isinstance(outcome.error, PackMismatchError)
    victim.replace_keys(*CHAIN)


def test_targets_of_a_base_whose_digest_begins_alike_are_refused(victim: Victim) -> None:
    digest = victim.base.manifest.digest
    attacker = victim.attack(*CHAIN)
    offer(victim, attacker, b"pack", base=digest[:-1] + ("0" if digest[-1] != "0" else "1"))
    refused = victim.updater.check().refused
    assert refused.keys() == {"mood", "spam"} and all("are for base" in str(error) for error in refused.values())
    victim.replace_keys(*CHAIN)


def test_a_pack_that_computes_another_thing_than_its_canary_is_refused_though_it_is_signed(victim: Victim) -> None:
    pack = victim.sign(random_pack(victim.base, 66))
    assert pack.canary is not None
    attacker = victim.attack(*CHAIN)
    offer(victim, attacker, serialize(replace(pack, canary=replace(pack.canary, expected=pack.canary.expected + 1))))
    [outcome] = victim.run()
    assert isinstance(outcome.error, CanaryError)
    victim.replace_keys(*CHAIN)


@pytest.mark.parametrize("roles", [(Timestamp.type,), (Timestamp.type, Snapshot.type)])
def test_a_thief_of_timestamp_and_snapshot_keys_changes_no_pack_and_raises_no_floor(
    victim: Victim, roles: tuple[str, ...]
) -> None:
    attacker = victim.attack(*roles)
    attacker.publish(**{role: sets(unrecognized_fields={"removed": {victim.path: 1 << 52}}) for role in roles})
    assert victim.updater.check().releases == ()
    assert "metadata/timestamp.json" in attacker.used
    assert victim.read_version_floor() == victim.version_floor
    victim.replace_keys(*roles)


@pytest.mark.parametrize("last", [-1, UPDATE_LIMITS.release + 1, 10**4300 - 1, "3", None])
def test_a_thief_of_all_online_keys_cannot_raise_a_floor_without_bound(victim: Victim, last: object) -> None:
    attacker = victim.attack(*CHAIN)
    attacker.publish(targets=lambda targets: targets.unrecognized_fields.update(removed={victim.path: last}))
    found = victim.updater.check()
    assert isinstance(found.refused["mood"], UntrustedUpdateError) and found.releases == ()
    assert victim.read_version_floor() == victim.version_floor
    victim.replace_keys(*CHAIN)


@pytest.mark.parametrize("number", [0, UPDATE_LIMITS.release + 1, "3"])
def test_a_release_whose_signed_description_is_malformed_is_refused_alone(victim: Victim, number: object) -> None:
    attacker = victim.attack(*CHAIN)
    attacker.publish(targets=lambda targets: targets.targets[victim.path].custom.update(release=number))
    victim.refuses(UntrustedUpdateError, "release")
    assert victim.read_version_floor() == victim.version_floor
    victim.replace_keys(*CHAIN)


@pytest.mark.parametrize("role", CHAIN)
def test_a_key_that_was_replaced_signs_nothing_any_more(victim: Victim, role: str) -> None:
    attacker = victim.attack(*CHAIN)
    victim.replace_keys(role)
    offer(victim, attacker, serialize(victim.sign(random_pack(victim.base, 66))))
    with pytest.raises(UntrustedUpdateError, match=f"{role} was signed by 0/1 keys"):
        victim.updater.check()
    victim.replace_keys(*(other for other in CHAIN if other != role))


def test_one_stolen_root_key_of_three_makes_no_root(victim: Victim) -> None:
    def take_over(root: Root) -> None:
        for role in (*CHAIN, Root.type):
            root.roles[role].threshold = 1
            root.add_key(attacker.own.public_key, role)

    attacker = victim.attack(Root.type)
    attacker.sign_root(take_over, attacker.own)
    with pytest.raises(UntrustedUpdateError, match="root was signed by 1/2 keys"):
        victim.updater.check()
    assert attacker.used == {"metadata/2.root.json"}


def test_a_signature_that_is_given_twice_counts_once(victim: Victim) -> None:
    attacker = victim.attack(Root.type)
    attacker.sign_root(sets(expires=victim.now))
    [path] = attacker.answers
    data = attacker.answers[path]
    assert isinstance(data, bytes)
    start, end = data.index(b"[{") + 1, data.index(b"}]") + 1
    renamed = data[start:end].replace(b'"keyid":"', b'"keyid":"0')
    for copy, reason in ((data[start:end], "deserialize"), (renamed, "root was signed by 1/2 keys")):
        attacker.answers[path] = data[:end] + b"," + copy + data[end:]
        with pytest.raises(UntrustedUpdateError, match=reason):
            victim.updater.check()
    assert attacker.used == {path}


def test_a_root_that_skips_a_version_is_refused(victim: Victim) -> None:
    victim.replace_keys(Root.type)
    victim.replace_keys(Root.type)
    attacker = victim.attack()
    attacker.answers["metadata/2.root.json"] = (victim.site / "metadata" / "3.root.json").read_bytes()
    with pytest.raises(UntrustedUpdateError, match="Expected root version 2"):
        victim.updater.check()


def test_a_root_that_a_device_has_seen_cannot_be_held_back_to_bring_a_replaced_key_again(victim: Victim) -> None:
    attacker = victim.attack(Timestamp.type)
    victim.replace_keys(Timestamp.type)
    victim.updater.check()
    attacker.answers["metadata/2.root.json"] = lambda handler: handler.send_error(404)
    attacker.publish(timestamp=sets(expires=victim.now.replace(year=victim.now.year + 1)))
    with pytest.raises(UntrustedUpdateError, match="timestamp was signed by 0/1 keys"):
        victim.updater.check()
