"""Training on a real cluster of Ray: the same packs as here, whatever dies."""

import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="make test-ray has an environment with ray")

import ray
from ray.cluster_utils import Cluster

from bitfit_runtime import Base
from bitfit_toolkit import TrainOptions, read_run_configs
from bitfit_toolkit.errors import ClusterError
from bitfit_toolkit.fleet import Fleet, Ledger, Settings, plan_fleet, train_here
from bitfit_toolkit.fleet.on_ray import train_on_ray
from support.command_line import bitfit
from support.fleets import TASKS, digests, write_tasks

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


def fleet_in(folder: Path, base: Base) -> Fleet:
    tasks = write_tasks(folder)
    return plan_fleet(tasks, read_run_configs(tasks, TrainOptions()), base.manifest.digest, threads=1, size=2)


@pytest.fixture(scope="module")
def expected(base: Base, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("here")
    assert all(group.failure is None for group in train_here(base, Ledger.begin(fleet_in(folder, base))))
    found = digests(folder / "packs")
    assert len(set(found.values())) == TASKS  # tasks of their own, not one pack six times
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_packs_are_the_same_bytes_with_workers_and_without(
    cluster: Cluster, base: Base, expected: dict[str, str], tmp_path: Path, workers: int
) -> None:
    groups = list(train_on_ray(base, Ledger.begin(fleet_in(tmp_path, base)), cluster.address, Settings(workers)))
    assert [group.failure for group in groups] == [None] * 3 and digests(tmp_path / "packs") == expected


def test_a_node_that_dies_costs_nothing_but_time(
    cluster: Cluster, base: Base, expected: dict[str, str], tmp_path: Path
) -> None:
    victim = cluster.add_node(num_cpus=1)

    def kill() -> None:
        time.sleep(2)
        cluster.remove_node(victim, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    groups = list(train_on_ray(base, Ledger.begin(fleet_in(tmp_path, base)), cluster.address, Settings()))
    killer.join()
    assert sorted(group.number for group in groups) == [0, 1, 2]  # none lost, none twice
    assert digests(tmp_path / "packs") == expected


def test_finished_groups_are_not_trained_again(
    cluster: Cluster, base: Base, expected: dict[str, str], tmp_path: Path
) -> None:
    fleet = fleet_in(tmp_path, base)
    first = next(train_on_ray(base, Ledger.begin(fleet), cluster.address, Settings(1)))  # and no more
    rest = list(train_on_ray(base, Ledger.resume(fleet), cluster.address, Settings(2)))
    assert sorted([first.number, *(group.number for group in rest)]) == [0, 1, 2]
    assert digests(tmp_path / "packs") == expected


def test_a_group_whose_data_are_missing_leaves_the_others(cluster: Cluster, base: Base, tmp_path: Path) -> None:
    fleet = fleet_in(tmp_path, base)
    (tmp_path / "tenant0.csv").unlink()
    groups = {group.number: group for group in train_on_ray(base, Ledger.begin(fleet), cluster.address, Settings())}
    assert "tenant0.csv" in str(groups[0].failure) and not groups[0].packs
    assert set(Ledger.resume(fleet).waiting) == {fleet.groups[0]}


def test_a_cluster_that_is_not_there_is_said(
    base: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def refuse(**given: object) -> None:
        raise ConnectionError("Failed to connect to GCS")

    monkeypatch.setattr(ray, "init", refuse)  # it would wait for half a minute
    with pytest.raises(ClusterError, match="no cluster of Ray answers at"):
        next(train_on_ray(base, Ledger.begin(fleet_in(tmp_path, base)), "127.0.0.1:1", Settings()))
    tasks = tmp_path / "tasks.toml"
    code, _, err = bitfit("train", "--base", base.folder, "--many", tasks, "--ray", "127.0.0.1:1", capsys=capsys)
    assert code == 12 and err.count("\n") == 1 and "--ray local" in err
