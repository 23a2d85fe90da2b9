"""Bulk answers on a real cluster of Ray: the same bytes as here, whatever dies."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="make test-ray has an environment with ray")

from ray.cluster_utils import Cluster

from bitfit_runtime import Base
from bitfit_runtime.errors import InputError
from bitfit_toolkit.bulk import BulkOptions, BulkPlan, PartReport, answer_here, begin, plan_bulk
from bitfit_toolkit.bulk.on_ray import answer_on_ray
from bitfit_toolkit.errors import ClusterError
from support.bulk import outputs, write_packs, write_parts
from support.command_line import bitfit

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
PARTS, ROWS = 6, 2000


@pytest.fixture(scope="module")
def whole(base: Base, tmp_path_factory: pytest.TempPathFactory) -> BulkPlan:
    """The plan of all rows, answered without Ray."""
    folder = tmp_path_factory.mktemp("bulk")
    packs, pattern = (
        write_packs(base, folder / "packs", 8),
        write_parts(folder / "in", PARTS, ROWS, 9),
    )  # one is missing
    plan = plan_bulk(base, str(packs), pattern, str(folder / "out"), BulkOptions("tenant"))
    assert [report.failure for report in answer_here(base, plan, begin(plan)[1])] == [None] * PARTS
    return plan


def on_ray(base: Base, plan: BulkPlan, cluster: Cluster, workers: int | None = None) -> Iterator[PartReport]:
    return answer_on_ray(base, plan, begin(plan)[1], cluster.address, workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_are_the_same_bytes_with_workers_and_without(
    cluster: Cluster, base: Base, whole: BulkPlan, tmp_path: Path, workers: int
) -> None:
    reports = list(on_ray(base, replace(whole, output=str(tmp_path)), cluster, workers))
    assert sorted(report.part.name for report in reports) == [part.name for part in whole.parts]
    assert sum(report.rows for report in reports) == PARTS * ROWS
    assert any(report.unanswered for report in reports)
    assert outputs(tmp_path) == outputs(Path(whole.output))


def test_a_node_that_dies_costs_nothing_but_time(cluster: Cluster, base: Base, whole: BulkPlan, tmp_path: Path) -> None:
    victim = cluster.add_node(num_cpus=1)
    reports = on_ray(base, replace(whole, output=str(tmp_path)), cluster)
    found = [next(reports)]  # now workers are at work
    cluster.remove_node(victim, allow_graceful=False)
    found += reports
    assert sorted(report.part.name for report in found) == [part.name for part in whole.parts]
    assert outputs(tmp_path) == outputs(Path(whole.output))


def test_a_call_that_was_cut_goes_on(cluster: Cluster, base: Base, whole: BulkPlan, tmp_path: Path) -> None:
    plan = replace(whole, output=str(tmp_path))
    next(on_ray(base, plan, cluster, 1))  # and no more
    done = len(begin(plan)[0])
    assert 1 <= done < PARTS
    assert len(list(on_ray(base, plan, cluster))) == PARTS - done
    assert outputs(tmp_path) == outputs(Path(whole.output))


def test_what_keeps_a_worker_from_beginning_is_said(
    cluster: Cluster, base: Base, whole: BulkPlan, tmp_path: Path
) -> None:
    options = replace(whole.options, memory_limit=50_000_000)
    with pytest.raises(InputError, match="memory_limit"):
        list(on_ray(base, replace(whole, output=str(tmp_path), options=options), cluster))
    with pytest.raises(ClusterError, match="use fewer threads"):
        options = replace(whole.options, threads=64)
        list(on_ray(base, replace(whole, output=str(tmp_path / "b"), options=options), cluster))


def test_the_command_answers_on_a_cluster(
    cluster: Cluster, base: Base, whole: BulkPlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"{Path(whole.parts[0].source).parents[1]}/*/*.parquet"
    given = ["predict", "--base", base.folder, "--packs", whole.folder, "--task-column", "tenant", "--input", source]
    code, out, err = bitfit(*given, "--output", tmp_path, "--ray", cluster.address, "--json", capsys=capsys)
    assert code == 0 and f'"rows": {PARTS * ROWS}' in out, err
    assert outputs(tmp_path) == outputs(Path(whole.output))
