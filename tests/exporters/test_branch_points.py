"""Rows that branch: shared lower layers give the bits that a row has by itself, whatever the tree."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_exporters import ExportOptions, export
from bitfit_exporters.branching import default_branches, measure_branch_error
from bitfit_exporters.checkpoint import load_checkpoint
from bitfit_exporters.errors import ExportError
from bitfit_runtime import Base
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, OUTPUTS, branch_input
from bitfit_runtime.session import open_session
from support.checkpoints import make_checkpoint
from support.command_line import bitfit

TOKENS, LABELS = 9, 3
Feeds = dict[str, np.ndarray]


class Deep:
    """A base of four layers that lets rows branch below every one and above all, and its twin without."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.bases = []
        for name, points in (("plain", ()), ("branching", (1, 2, 3, 4))):
            export(str(checkpoint), folder / name, ExportOptions(offline=True, branch_points=points))
            self.bases.append(Base.open(folder / name))
        self.plain, self.branching = (open_session(base.model_path, 1) for base in self.bases)
        self.manifest = self.bases[1].manifest

    def check(self, texts: int, tree: Mapping[int, Sequence[int]], own: Sequence[bool], seed: int) -> None:
        """Compare rows that branch with the same rows in the graph that has no branch points.

        `tree` maps layers to rows of the level below; `own` says, level by level, whether rows have biases of their
        own or share one.
        """
        generator = np.random.default_rng(seed)
        sizes = [texts, *map(len, tree.values())]
        ancestors = [np.arange(sizes[-1])]
        for rows in reversed(list(tree.values())):
            ancestors.insert(0, np.asarray(rows)[ancestors[0]])
        tokens = some_tokens(generator, texts)
        shared: Feeds = {**tokens} | {branch_input(n): np.asarray(rows, np.int64) for n, rows in tree.items()}
        apart: Feeds = {name: array[ancestors[0]] for name, array in tokens.items()}
        for name, default, level in self.inputs(tree):
            count = sizes[level] if own[level] else 1
            value = default + 0.2 * generator.standard_normal((count, *default.shape)).astype(np.float32)
            shared[name], apart[name] = value, value[ancestors[level]] if own[level] else value
        found, expected = self.branching.run(list(OUTPUTS), shared), self.plain.run(list(OUTPUTS), apart)
        for name, one, other in zip(OUTPUTS, found, expected, strict=True):
            assert one.tobytes() == other.tobytes(), name

    def inputs(self, tree: Mapping[int, Sequence[int]]) -> Iterator[tuple[str, np.ndarray, int]]:
        for spec in self.manifest.biases:
            yield spec.name, self.bases[1].default_biases[spec.name][None], sum(not spec.below(n) for n in tree)
        yield HEAD_WEIGHT, np.zeros((self.manifest.hidden_size, LABELS), np.float32), len(tree)
        yield HEAD_BIAS, np.zeros((1, LABELS), np.float32), len(tree)


def some_tokens(generator: np.random.Generator, texts: int) -> Feeds:
    ids = generator.integers(5, 60, (texts, TOKENS))
    lengths = generator.integers(1, TOKENS + 1, texts)
    mask = (np.arange(TOKENS) < lengths[:, None]).astype(np.int64)
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Deep:
    folder = tmp_path_factory.mktemp("deep")
    return Deep(folder, make_checkpoint("bert", folder / "checkpoint", layers=4))


@st.composite
def trees(draw: st.DrawFn) -> tuple[int, dict[int, list[int]], list[bool]]:
    texts = below = draw(st.integers(1, 4))
    tree = {}
    for layer in sorted(draw(st.sets(st.integers(1, 4), min_size=1))):
        tree[layer] = draw(st.lists(st.integers(0, below - 1), min_size=1, max_size=6))
        below = len(tree[layer])
    return texts, tree, draw(st.lists(st.booleans(), min_size=len(tree) + 1, max_size=len(tree) + 1))


@settings(max_examples=60)
@given(trees(), st.integers(0, 1000))
def test_rows_of_any_tree_have_the_bits_that_they_have_unshared(
    deep: Deep, drawn: tuple[int, dict[int, list[int]], list[bool]], seed: int
) -> None:
    deep.check(*drawn, seed)


@pytest.mark.parametrize("rows", [[1], [2, 0], [0, 2, 1], [0, 0, 1, 2, 2], [2, 2, 1]], ids=str)
@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_one_row_fewer_as_many_and_more_than_below(deep: Deep, layer: int, rows: list[int]) -> None:
    deep.check(3, {layer: rows}, [True, True], seed=0)


@pytest.mark.parametrize("texts", [1, 2, 5])
def test_without_branch_inputs_or_with_their_default_every_row_goes_on(deep: Deep, texts: int) -> None:
    tokens = some_tokens(np.random.default_rng(0), texts)
    expected = deep.plain.run(list(OUTPUTS), tokens)
    for feeds in (
        {},
        {branch_input(2): np.zeros(0, np.int64)},
        {branch_input(n): np.arange(texts) for n in (1, 2, 3, 4)},
    ):
        found = deep.branching.run(list(OUTPUTS), {**tokens, **feeds})
        assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]


def test_an_index_past_the_rows_below_stops_the_run(deep: Deep) -> None:
    tokens = some_tokens(np.random.default_rng(0), 2)
    with pytest.raises(Exception, match="out of data bounds"):
        deep.branching.run(list(OUTPUTS), {**tokens, branch_input(2): np.array([0, 2])})


def test_a_level_has_dimensions_of_its_own(deep: Deep) -> None:
    shapes = {value.name: value.shape for value in deep.branching.get_overridable_initializers()}
    assert shapes[branch_input(3)] == ["batch.3"]
    assert shapes["embeddings.LayerNorm.bias"] == ["rows", 1, 64]
    assert shapes["encoder.layer.0.output.dense.bias"] == ["rows", 1, 64]
    assert shapes["encoder.layer.1.output.dense.bias"] == ["rows.1", 1, 64]
    assert shapes[HEAD_WEIGHT] == ["rows.4", 64, "labels"]
    assert {value.name: value.shape[0] for value in deep.branching.get_outputs()} == dict.fromkeys(OUTPUTS, "batch.4")


def test_the_manifest_lists_branch_points_and_nothing_where_there_are_none(deep: Deep) -> None:
    assert [base.manifest.branches for base in deep.bases] == [(), (1, 2, 3, 4)]
    assert "branches" not in (deep.bases[0].folder / "bitfit.json").read_text()
    assert not [value.name for value in deep.plain.get_overridable_initializers() if "branch" in value.name]


@pytest.mark.parametrize(
    ("layers", "points"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (6, (2, 3, 4, 5, 6)), (12, (4, 6, 8, 10, 12)), (24, (8, 12, 16, 20, 24))],
)
def test_default_points_lie_after_a_third_a_half_and_so_on(layers: int, points: tuple[int, ...]) -> None:
    assert default_branches(layers) == points


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ((5,), r"`branch_points` should be layers 1 to 4 of checkpoint, found 5"),
        ((0, 2), r"should be layers ascending from 1, or None, found \(0, 2\)"),
        ((2, 2), "should be layers ascending"),
        ([1], "should be layers ascending"),
        ((True,), "should be layers ascending"),
        ("auto", "should be layers ascending"),
    ],
    ids=str,
)
def test_points_that_are_no_layers_are_refused(deep: Deep, tmp_path: Path, points: object, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        export(str(deep.checkpoint), tmp_path / "base", ExportOptions(offline=True, branch_points=points))  # type: ignore[arg-type]


class Confused(ort.InferenceSession):
    """A session that mixes up two rows of one branch input."""

    def __init__(self, session: ort.InferenceSession, layer: int) -> None:
        self.session, self.name = session, branch_input(layer)

    def run(self, names: list[str], feeds: Feeds) -> list[np.ndarray]:
        return self.session.run(names, {n: a[::-1] if n == self.name else a for n, a in feeds.items()})


class Blank(Confused):
    """A session that gives what is no number where rows branch at one layer."""

    def run(self, names: list[str], feeds: Feeds) -> list[np.ndarray]:
        outputs = self.session.run(names, feeds)
        return [np.full_like(output, np.nan) for output in outputs] if self.name in feeds else outputs


@pytest.mark.parametrize("layer", [1, 4])
def test_the_export_finds_rows_that_continue_the_wrong_ones(deep: Deep, layer: int) -> None:
    loaded = load_checkpoint(str(deep.checkpoint), ExportOptions(offline=True))
    defaults = deep.bases[1].default_biases
    assert measure_branch_error(deep.branching, loaded, deep.manifest, defaults) == 0
    assert measure_branch_error(Confused(deep.branching, layer), loaded, deep.manifest, defaults) > 1e-3
    assert np.isnan(measure_branch_error(Blank(deep.branching, layer), loaded, deep.manifest, defaults))


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ("4,x", 2, "expected auto, none, or layers such as 4,8,12; found '4,x'"),
        ("", 2, "expected auto, none, or layers"),
        ("-1", 2, "expected auto, none, or layers"),
        ("2,1", 8, "--branch-points should be layers ascending from 1, or None, found (2, 1)"),
        ("1,5", 8, "--branch-points should be layers 1 to 4 of checkpoint, found 5"),
    ],
)
def test_the_command_line_refuses_bad_points_in_one_line(
    deep: Deep, tmp_path: Path, given: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("export", "--model", deep.checkpoint, "--output", tmp_path / "base", "--offline", "--quiet")
    left, _, err = bitfit(*arguments, f"--branch-points={given}", capsys=capsys)
    assert left == code
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "base").exists()
