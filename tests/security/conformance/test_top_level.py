"""What a client asks of timestamp, snapshot and targets."""

import json
from datetime import timedelta

import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, Signature
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets, Timestamp

from support.simulated import DAY, NOW, TOP, Repository, SuiteClient

ROLES = (Timestamp.type, Snapshot.type, Targets.type)


def test_the_first_refresh_asks_for_each_role_once_in_order(client: SuiteClient) -> None:
    assert client.refresh() == 0
    assert client.asked() == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
    assert client.versions() == [1, 1, 1, 1]


def test_a_refresh_asks_for_what_is_new_alone(repository: Repository, client: SuiteClient) -> None:
    client.refresh()
    client.asked()
    assert client.refresh() == 0
    assert client.asked() == ["2.root.json", "timestamp.json"]
    repository.publish()
    assert client.refresh() == 0
    assert client.asked() == ["2.root.json", "timestamp.json", "2.snapshot.json"]
    repository.publish(Targets.type)
    assert client.refresh() == 0
    assert client.asked() == ["2.root.json", "timestamp.json", "3.snapshot.json", "2.targets.json"]


def test_without_consistent_snapshots_files_have_plain_names(repository: Repository, client: SuiteClient) -> None:
    repository.root.consistent_snapshot = False
    repository.publish_root()
    repository.add_file("a", b"data")
    repository.publish(Targets.type)
    assert client.download("a") == 0
    names = ["2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json", "a"]
    assert client.asked() == names


def test_a_timestamp_of_the_same_version_and_other_content_is_passed_over(
    repository: Repository, client: SuiteClient
) -> None:
    client.refresh()
    repository.timestamp.snapshot_meta.version = 100
    repository.write(Timestamp.type)
    assert client.refresh() == 0
    kept = Metadata.from_file(str(client.metadata / "timestamp.json")).signed
    assert kept.snapshot_meta.version == 1


@pytest.mark.parametrize("hashes", [False, True])
@pytest.mark.parametrize("role", ROLES)
def test_no_version_goes_back(repository: Repository, client: SuiteClient, role: str, hashes: bool) -> None:
    repository.hashes = hashes
    repository.publish(Targets.type)
    assert client.refresh() == 0
    before = client.versions()
    repository.roles[role].version = 1
    repository.write(role)
    if role == Targets.type:
        repository.publish()
    elif role == Snapshot.type:
        repository.timestamp.snapshot_meta = repository.listed(Snapshot.type)
        repository.timestamp.version += 1
        repository.write(Timestamp.type)
    assert client.refresh() == 1
    assert client.versions()[-1] == before[-1]
    assert client.version(role) == before[TOP.index(role)]


def test_a_snapshot_lists_each_role_that_the_one_before_listed(repository: Repository, client: SuiteClient) -> None:
    repository.delegate(Targets.type, "a")
    repository.publish("a", Targets.type)
    assert client.refresh() == 0
    del repository.roles["a"], repository.snapshot.meta["a.json"]
    repository.publish()
    assert client.refresh() == 1
    assert client.version(Snapshot.type) == 2


@pytest.mark.parametrize("role", [Snapshot.type, Targets.type])
def test_a_role_of_another_version_than_was_announced_is_refused(
    repository: Repository, client: SuiteClient, role: str
) -> None:
    client.refresh()
    repository.publish(Targets.type)
    announced = repository.path(role)
    repository.roles[role].version += 1
    announced.write_bytes(repository.write(role))
    assert client.refresh() == 1
    assert client.version(role) == 1


@pytest.mark.parametrize("field", ["length", "hashes"])
@pytest.mark.parametrize("role", [Snapshot.type, Targets.type])
def test_a_role_of_another_length_or_hash_than_was_announced_is_refused(
    repository: Repository, client: SuiteClient, role: str, field: str
) -> None:
    client.refresh()
    repository.hashes = True
    repository.publish(Targets.type)
    listed = repository.listed(role)
    wrong = MetaFile(listed.version, (listed.length or 0) - 1) if field == "length" else MetaFile(listed.version)
    if field == "hashes":
        wrong.hashes = {"sha256": "0" * 64}
    if role == Targets.type:
        repository.snapshot.meta["targets.json"] = wrong
        repository.write(Snapshot.type)
        wrong = repository.listed(Snapshot.type)
    repository.timestamp.snapshot_meta = wrong
    repository.write(Timestamp.type)
    assert client.refresh() == 1
    assert client.version(role) == 1
    repository.publish(Targets.type)
    assert client.refresh() == 0


@pytest.mark.parametrize("role", ROLES)
def test_an_expired_role_is_refused(repository: Repository, client: SuiteClient, role: str) -> None:
    client.refresh()
    repository.roles[role].expires = NOW - timedelta(seconds=1)
    repository.publish(Targets.type)
    assert client.refresh() == 1
    assert client.version(role) == 1
    repository.roles[role].expires = NOW + DAY
    repository.publish(Targets.type)
    assert client.refresh() == 0


def test_expired_metadata_on_disk_still_tell_what_is_older_and_give_way_to_newer(
    repository: Repository, client: SuiteClient
) -> None:
    for role in ROLES:
        repository.roles[role].expires = NOW + 7 * DAY
    repository.publish(Targets.type)
    old = repository.path(Timestamp.type).read_bytes()
    repository.publish(Targets.type)
    assert client.refresh() == 0
    client.now += 18 * DAY
    repository.write_bytes(Timestamp.type, old)
    assert client.refresh() == 1
    assert client.version(Timestamp.type) == 3
    for role in ROLES:
        repository.roles[role].expires = NOW + 21 * DAY
    repository.publish(Targets.type)
    assert client.refresh() == 0
    assert client.versions() == [1, 4, 4, 4]


EXPIRES = {
    "2030-01-01T00:00:00Z": 0,
    "2030-01-01T00:00:00": 1,
    "2030-01-01T00:00:00+00:00": 1,
    "2030-01-01T00:00:00.5Z": 1,
    "2030-01-01": 1,
    "2030-02-30T00:00:00Z": 1,
    "1893456000": 1,
    "": 1,
}


@pytest.mark.parametrize(("expires", "status"), EXPIRES.items())
def test_a_time_has_the_form_of_the_specification(
    repository: Repository, client: SuiteClient, expires: str, status: int
) -> None:
    write_raw(repository, {"expires": expires})
    assert client.refresh() == status


@pytest.mark.parametrize(("version", "status"), [("1.0.31", 0), ("1.99.0", 0), ("2.0.0", 1), ("1", 1), ("one", 1)])
def test_a_specification_of_another_major_version_is_refused(
    repository: Repository, client: SuiteClient, version: str, status: int
) -> None:
    write_raw(repository, {"spec_version": version})
    assert client.refresh() == status


@pytest.mark.parametrize(
    "fields", [{"version": 0}, {"version": "2"}, {"_type": "snapshot"}, {"meta": {}}, {"meta": None}]
)
def test_a_timestamp_of_another_shape_is_refused(
    repository: Repository, client: SuiteClient, fields: dict[str, object]
) -> None:
    client.refresh()
    write_raw(repository, {"version": 2} | fields)
    assert client.refresh() == 1
    assert client.versions() == [1, 1, 1, 1]


def write_raw(repository: Repository, fields: dict[str, object]) -> None:
    """Sign a timestamp of any fields."""
    signed = repository.timestamp.to_dict() | fields
    [signer] = repository.signers[Timestamp.type]
    signatures = [signer.sign(encode_canonical(signed).encode()).to_dict()]
    repository.write_bytes(Timestamp.type, json.dumps({"signed": signed, "signatures": signatures}).encode())


SIGNERS = {
    "one of one": (1, 1, "0", 0),
    "and strangers": (1, 1, "x0y", 0),
    "strangers alone": (1, 1, "xy", 1),
    "nobody": (1, 1, "", 1),
    "three of five": (5, 3, "024", 0),
    "other three of five": (5, 3, "413", 0),
    "two of five": (5, 3, "02", 1),
    "two and strangers": (5, 3, "0x2y", 1),
    "more than there are": (2, 3, "01", 1),
}


@pytest.mark.parametrize(("keys", "threshold", "signed", "status"), SIGNERS.values(), ids=SIGNERS)
def test_each_role_is_signed_by_as_many_of_its_keys_as_the_root_asks(
    repository: Repository, client: SuiteClient, keys: int, threshold: int, signed: str, status: int
) -> None:
    assert client.refresh() == 0
    for role in ROLES:
        former = repository.replace_keys(role, keys, threshold)
        named = repository.signers[role]
        others = {"x": former[0], "y": CryptoSigner.generate_ed25519()}
        repository.publish_root()
        repository.signers[role] = [others[key] if key in others else named[int(key)] for key in signed]
        repository.publish(Targets.type)
        before = client.version(role)
        assert client.refresh() == status
        if status:
            assert client.version(role) == before
            repository.replace_keys(role)
            repository.publish_root()
            repository.publish(Targets.type)
            assert client.refresh() == 0


def test_a_signature_that_cannot_be_read_spoils_no_other(repository: Repository, client: SuiteClient) -> None:
    client.refresh()
    repository.replace_keys(Timestamp.type, count=3, threshold=2)
    repository.publish_root()
    repository.publish()
    path = repository.path(Timestamp.type)
    metadata = Metadata.from_file(str(path))
    first, second, third = metadata.signatures
    metadata.signatures[first] = Signature(first, "zz")
    metadata.to_file(str(path))
    assert client.refresh() == 0
    repository.publish()
    metadata = Metadata.from_file(str(path))
    metadata.signatures[second] = Signature(second, metadata.signatures[third].signature)
    metadata.signatures[first] = Signature(first, metadata.signatures[third].signature)
    metadata.to_file(str(path))
    assert client.refresh() == 1


@pytest.mark.parametrize(
    ("jumped", "replaced"),
    [
        (Timestamp.type, (Timestamp.type,)),
        (Snapshot.type, (Timestamp.type, Snapshot.type)),
        (Targets.type, (Snapshot.type,)),
    ],
)
def test_versions_that_jumped_fall_again_once_keys_are_replaced(
    repository: Repository, client: SuiteClient, jumped: str, replaced: tuple[str, ...]
) -> None:
    repository.roles[jumped].version = 99_999
    repository.publish(*([Targets.type] if jumped == Targets.type else []))
    assert client.refresh() == 0
    assert client.version(jumped) == 100_000
    repository.roles[jumped].version = 1
    repository.publish(Targets.type)
    assert client.refresh() == 1
    for role in replaced:
        repository.replace_keys(role)
    repository.publish_root()
    repository.publish(Targets.type)
    assert client.refresh() == 0
    assert client.version(jumped) == repository.roles[jumped].version < 10


def test_what_is_on_disk_and_torn_is_fetched_again(repository: Repository, client: SuiteClient) -> None:
    client.refresh()
    for role in ROLES:
        path = client.metadata / f"{role}.json"
        path.write_bytes(path.read_bytes()[:-5])
    assert client.refresh() == 0
    assert client.versions() == [1, 1, 1, 1]
