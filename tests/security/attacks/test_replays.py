"""What was signed once is no update for ever: rollback, freeze, fast-forward, mix-and-match, a wrong clock."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import MetaFile, Snapshot, Targets, Timestamp
from tuf.ngclient import Updater

from bitfit_runtime.errors import ExpiredError, RollbackError, UnreachableError, UntrustedUpdateError
from bitfit_runtime.updates.client import LIMITS
from support.attacker import CHAIN, newest, sets
from support.victim import Victim

FAR = 1 << 50
YEAR = timedelta(days=365)


def test_an_older_repository_is_refused(victim: Victim) -> None:
    attacker = victim.attack()
    attacker.replay(victim.old)
    with pytest.raises(UntrustedUpdateError, match="timestamp version"):
        victim.updater.check()
    assert attacker.used == {"metadata/timestamp.json"}


def test_an_older_snapshot_under_a_new_timestamp_is_refused(victim: Victim) -> None:
    attacker = victim.attack(Timestamp.type)
    older = newest(victim.old, Snapshot.type).version
    attacker.publish(timestamp=sets(snapshot_meta=MetaFile(older)))
    with pytest.raises(UntrustedUpdateError, match="snapshot version must be"):
        victim.updater.check()
    assert attacker.used == {"metadata/timestamp.json"}


def test_older_targets_under_a_new_snapshot_are_refused(victim: Victim) -> None:
    attacker = victim.attack(Timestamp.type, Snapshot.type)
    older = newest(victim.old, Targets.type).version
    attacker.publish(snapshot=lambda snapshot: snapshot.meta.update({"targets.json": MetaFile(older)}))
    with pytest.raises(UntrustedUpdateError, match=r"targets.json version"):
        victim.updater.check()
    assert "metadata/timestamp.json" in attacker.used


def test_an_older_bin_under_a_new_snapshot_is_refused(victim_of_bins: Victim) -> None:
    attacker = victim_of_bins.attack(Timestamp.type, Snapshot.type)
    attacker.publish(snapshot=lambda snapshot: snapshot.meta.update(newest(victim_of_bins.old, Snapshot.type).meta))
    with pytest.raises(UntrustedUpdateError, match=r"bin-.*version"):
        victim_of_bins.updater.check()


def test_a_snapshot_that_lists_a_bin_no_more_is_refused(victim_of_bins: Victim) -> None:
    attacker = victim_of_bins.attack(Timestamp.type, Snapshot.type)
    attacker.publish(snapshot=lambda snapshot: snapshot.meta.pop("bin-00.json"))
    with pytest.raises(UntrustedUpdateError, match=r"bin-00.json"):
        victim_of_bins.updater.check()


def test_an_older_release_number_in_newer_metadata_is_refused_even_from_the_targets_key(victim: Victim) -> None:
    attacker = victim.attack(*CHAIN)
    attacker.publish(targets=sets(targets=newest(victim.old, Targets.type).targets))
    victim.refuses(RollbackError, "release 1 .* accepts 2 or later")
    victim.replace_keys(*CHAIN)


def _delete(folder: Path) -> None:
    shutil.rmtree(folder)


def _empty(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        path.write_bytes(b"")


def _tear(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("harm", [_delete, _empty, _tear])
def test_the_floor_holds_where_the_cached_metadata_are_lost_and_the_standard_client_forgets(
    victim: Victim, harm: Callable[[Path], None]
) -> None:
    attacker = victim.attack()
    attacker.replay(victim.old)
    harm(victim.store / "metadata")
    plain = victim.folder / "plain"
    plain.mkdir()
    if harm is not _delete:
        shutil.copytree(victim.store / "metadata", plain, dirs_exist_ok=True)
    url, root = f"{victim.server.url}metadata/", victim.published.first_root
    forgetful = Updater(str(plain), url, config=LIMITS, fetcher=victim.updater.fetcher, bootstrap=root)
    found = forgetful.get_targetinfo(victim.path)
    assert found is not None and found.custom["release"] == 1

    for _ in range(2):  # the second check finds what the first cached
        victim.refuses(RollbackError, "release 1 .* accepts 2 or later")


@pytest.mark.parametrize("harm", [_delete, _empty, _tear])
def test_the_floor_of_a_task_in_a_bin_holds_where_the_cached_metadata_are_lost(
    victim_of_bins: Victim, harm: Callable[[Path], None]
) -> None:
    victim_of_bins.attack().replay(victim_of_bins.old)
    harm(victim_of_bins.store / "metadata")
    victim_of_bins.refuses(RollbackError, "release 1 .* accepts 2 or later")


@pytest.mark.parametrize(
    ("days", "stolen", "expired"),
    [(8, (), "timestamp"), (31, (Timestamp.type,), "snapshot"), (91, (Timestamp.type, Snapshot.type), "targets")],
)
def test_a_repository_that_stands_still_is_noticed_though_a_thief_renews_what_he_can(
    victim: Victim, days: int, stolen: tuple[str, ...], expired: str
) -> None:
    frozen = shutil.copytree(victim.site, victim.folder / "frozen")
    attacker = victim.attack(*stolen)
    victim.publish("mood", 3, seed=3)
    attacker.replay(frozen)
    if stolen:
        attacker.publish(**{role: sets(expires=victim.now + YEAR) for role in stolen})
    assert victim.updater.check().releases == ()
    began = victim.now
    victim.now += timedelta(days=days)
    with pytest.raises(ExpiredError, match=expired):
        victim.updater.check()
    assert victim.updater.status().expired
    assert "metadata/timestamp.json" in attacker.used
    victim.now = began


def test_a_thief_of_the_timestamp_key_who_makes_versions_jump_is_locked_out_by_another_key(victim: Victim) -> None:
    attacker = victim.attack(Timestamp.type)
    attacker.publish(timestamp=sets(version=FAR))
    assert victim.updater.check().releases == ()
    victim.server.interfere = lambda handler: False
    with pytest.raises(UntrustedUpdateError, match=f"must be >= {FAR}"):
        victim.updater.check()
    victim.replace_keys(Timestamp.type)
    assert victim.updater.check().releases == ()


@pytest.mark.parametrize("role", [Snapshot.type, Targets.type])
def test_a_thief_who_announces_a_far_snapshot_or_targets_is_locked_out_by_other_keys(victim: Victim, role: str) -> None:
    stolen = (Timestamp.type,) if role == Snapshot.type else (Timestamp.type, Snapshot.type)
    attacker = victim.attack(*stolen)
    if role == Snapshot.type:
        attacker.publish(timestamp=sets(snapshot_meta=MetaFile(FAR)))
    else:
        attacker.publish(snapshot=lambda snapshot: snapshot.meta.update({"targets.json": MetaFile(FAR)}))
    with pytest.raises(UnreachableError, match=f"{FAR}.{role}.json"):
        victim.updater.check()
    victim.server.interfere = lambda handler: False
    with pytest.raises(UntrustedUpdateError):
        victim.updater.check()
    victim.replace_keys(*stolen)
    assert victim.updater.check().releases == ()


@pytest.mark.parametrize("role", [Snapshot.type, Targets.type])
def test_metadata_of_one_time_do_not_pass_for_those_of_another(victim: Victim, role: str) -> None:
    attacker = victim.attack()
    victim.publish("mood", 3, seed=3)
    metadata = victim.site / "metadata"
    version = newest(victim.site, role).version
    name = f"metadata/{version}.{role}.json"
    attacker.answers[name] = (metadata / f"{version - 1}.{role}.json").read_bytes()
    with pytest.raises(UntrustedUpdateError, match=f"v?{version}, got v?(version )?{version - 1}"):
        victim.updater.check()
    assert attacker.used == {name}


def test_a_bin_of_one_time_does_not_pass_for_that_of_another(victim_of_bins: Victim) -> None:
    attacker = victim_of_bins.attack()
    before = {path.name for path in (victim_of_bins.site / "metadata").iterdir()}
    victim_of_bins.publish("mood", 3, seed=3)
    [changed] = {path.name for path in (victim_of_bins.site / "metadata").glob("*.bin-*.json")} - before
    version, _, role = changed.partition(".")
    older = victim_of_bins.site / "metadata" / f"{int(version) - 1}.{role}"
    attacker.answers[f"metadata/{changed}"] = older.read_bytes()
    victim_of_bins.refuses(UntrustedUpdateError, f"v{version}, got v{int(version) - 1}")


def test_a_clock_that_is_years_behind_takes_what_is_newer_and_nothing_older(victim: Victim) -> None:
    began = victim.now
    victim.now -= 10 * YEAR
    victim.active = victim.update("mood", 3, seed=3)
    victim.attack().replay(victim.old)
    with pytest.raises(UntrustedUpdateError):
        victim.updater.check()
    victim.now = began


def test_a_clock_that_is_years_ahead_takes_nothing_until_it_is_right_again(victim: Victim) -> None:
    began = victim.now
    victim.publish("mood", 3, seed=3)
    victim.now += 10 * YEAR
    with pytest.raises(ExpiredError, match="set this device's clock"):
        victim.updater.check()
    assert victim.answers(victim.active)
    victim.now = began
    [release] = victim.updater.check().releases
    assert release.number == 3
