from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Targets

from bitfit_runtime.updates.schema import Release
from bitfit_toolkit.publish.catalogue import FLAT_TASKS, Catalogue
from support.publishing import BASE, candidate

KEY = CryptoSigner.generate_ed25519().public_key
OTHER_BASE = "sha256:" + "0f" * 32
TASKS = st.from_regex(r"[a-z]{4}[a-z0-9._-]{0,9}[0-9]", fullmatch=True)
FOUR_DIGITS = st.integers(-9999, 9999).map(lambda value: value / 1000)
RELEASES = st.lists(
    st.builds(
        Release,
        base=st.sampled_from((BASE, OTHER_BASE)),
        task=TASKS,
        number=st.integers(1, 2**53),
        size=st.integers(1, 4 << 20),
        sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
        label_count=st.integers(0, 9),
        metrics=st.dictionaries(
            st.text(max_size=5), st.integers(-9999, 9999).map(lambda value: value / 1000), max_size=3
        ),
    ),
    max_size=60,
    unique_by=lambda release: release.path,
)


@given(releases=RELEASES, withdrawn=st.integers(0, 5), bits=st.sampled_from((0, 1, 7)))
@settings(max_examples=40)
def test_what_roles_say_is_what_the_catalogue_held(releases: list[Release], withdrawn: int, bits: int) -> None:
    catalogue = Catalogue()
    for release in releases:
        catalogue = catalogue.add(release)
    for release in releases[:withdrawn]:
        catalogue = catalogue.withdraw(release.path)
    roles = catalogue.arrange(KEY, bits)
    assert len(roles) == (1 + 2**bits if bits else 1)
    read = [Metadata[Targets].from_bytes(Metadata(role).to_bytes()).signed for role in roles.values()]
    found = Catalogue.read(read)
    assert found.releases == catalogue.releases
    assert found.withdrawn == catalogue.withdrawn
    for role in roles.values():  # what is signed holds no fraction, which canonical JSON cannot write
        assert Metadata(role).signed_bytes
    for release in releases:
        assert found.last_number(release.path) == release.number


def test_bins_grow_with_the_tasks() -> None:
    def bits(tasks: int) -> int:
        release = candidate("mood").release(1)
        return Catalogue({f"{i}": release for i in range(tasks)}).bits()

    assert [bits(n) for n in (0, FLAT_TASKS, FLAT_TASKS + 1, 1_000, 2_047, 2_048, 4_096)] == [0, 0, 7, 7, 7, 8, 9]


def test_more_bins_spread_what_fewer_held() -> None:
    catalogue = Catalogue()
    for i in range(100):
        catalogue = catalogue.add(candidate(f"task-{i}").release(1))
    for bits in (7, 8, 9):
        roles = catalogue.arrange(KEY, bits)
        assert sum(len(role.targets) for role in roles.values()) == 100
        delegations = roles["targets"].delegations
        assert delegations and delegations.succinct_roles
        for name, role in roles.items():
            assert all(delegations.succinct_roles.get_role_for_target(path) == name for path in role.targets)
