"""Benchmarks: an operator's time is the median over runs of its nodes' sum, without the warm-up."""

from speed.profile_operators import WARM_UP_RUNS, Operator, by_operator, table


def events(run: int, microseconds: int) -> list[dict]:
    start = 10_000 * run
    kernels = (("a", "Add", 0, 1000), ("b", "MatMul", 1000, microseconds), ("c", "Add", 5000, 500))
    nodes = [
        {"cat": "Node", "name": f"{name}_kernel_time", "args": {"op_name": op}, "ts": start + at, "dur": duration}
        for name, op, at, duration in kernels
    ]
    return [*nodes, {"cat": "Session", "name": "model_run", "ts": start, "dur": 9000}]


def test_an_operator_is_summed_over_its_nodes_and_the_median_taken_over_runs() -> None:
    durations = [9000] * WARM_UP_RUNS + [2000, 4000, 3000]
    found = by_operator([event for run, duration in enumerate(durations) for event in events(run, duration)])
    assert found == {"Add": Operator(1.5, 2), "MatMul": Operator(3.0, 1)}


def test_the_table_has_the_costliest_operator_first_and_a_dash_where_there_is_none() -> None:
    lines = table({"ours": {"Add": Operator(1, 2), "MatMul": Operator(3, 1)}, "peer": {"MatMul": Operator(2, 1)}})
    assert lines[2:] == ["| MatMul | 3.00 (1) | 2.00 (1) |", "| Add | 1.00 (2) | – |", "| all | 4.00 | 2.00 |"]
