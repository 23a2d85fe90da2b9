"""The card of a pack: metadata as the hub's library writes them, and what a reader should know."""

from collections.abc import Iterator, Sequence
from typing import Final

from huggingface_hub import EvalResult, ModelCardData

from bitfit_exporters.base_card import files_of, license_line
from bitfit_runtime import PackInfo
from bitfit_runtime.hub import PackBase
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.cards.facts import TrainingFacts

PIPELINES: Final = {
    "classification": "text-classification",
    "multi-label": "text-classification",
    "regression": "text-classification",
    "token-classification": "token-classification",
    "span": "question-answering",
    "embedding": "feature-extraction",
}
MOST_CLASSES: Final = 20  # in the table of confusion
MOST_LABELS: Final = 100
RUN = """```python
from bitfit import Engine

engine = Engine("{base}")
engine.install("task", "{pack}")
{call}
```

```js
import ort from "onnxruntime-node"; // in pages: import * as ort from "onnxruntime-web/wasm"
import {{ Engine }} from "bitfit-edge";

const engine = await Engine.load("{base_files}", {{ ort }});
await engine.install("task", "{pack_files}pack.safetensors");
{js_call}
```"""


def pack_card(
    info: PackInfo,
    base: PackBase,
    place: str,
    facts: TrainingFacts | None = None,
    license: str | None = None,  # noqa: A002
    datasets: Sequence[str] = (),
) -> str:
    """Return README.md of a pack that is pushed to `place`; `facts` are those of its training, where they were kept."""
    task = PIPELINES[info.task_type]
    results = [
        EvalResult(
            task_type=task,
            dataset_type=datasets[0] if datasets else "evaluation-rows",
            dataset_name="evaluation rows of the training",
            metric_type=name,
            metric_value=round(value, 6),
            metric_name=name,
        )
        for name, value in info.metrics.items()
    ]
    data = ModelCardData(
        base_model=base.repository,
        base_model_relation=None if base.repository is None else "adapter",
        license=license,
        datasets=list(datasets) or None,
        library_name="bitfit-edge",
        pipeline_tag=task,
        tags=["bitfit", "bitfit-pack", info.task_type],
        model_name=_inline(info.task) if results else None,
        eval_results=results or None,
    )
    parts = (*_head(info, base, license), *_run(info, base, place), *_training(info, facts), *_evaluation(info, facts))
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join((*parts, _limits(info, facts))) + "\n"


def _head(info: PackInfo, base: PackBase, stated: str | None) -> Iterator[str]:
    where = "nobody said where that is" if base.source is None else f"which is [{base.source}]({_link(base)})"
    yield f"# {_inline(info.task)}"
    held = " and ".join(["deltas of biases"] * bool(info.terms) + ["a head"] * TASK_TYPES[info.task_type].has_head)
    yield (
        f"A pack of bitfit-edge for {info.task_type}: {held}, on base {_inline(base.name)} (`{base.digest}`), {where}."
    )
    yield license_line(stated, "whoever pushed it, or the card of its base,")
    if info.labels:
        shown = ", ".join(_inline(label) for label in info.labels[:MOST_LABELS])
        yield f"Labels: {shown}" + (f" and {len(info.labels) - MOST_LABELS} more" * (len(info.labels) > MOST_LABELS))


def _run(info: PackInfo, base: PackBase, place: str) -> Iterator[str]:
    opened = "BASE" if base.source is None else str(base.source)
    pair = info.task_type == "span"
    call = 'engine.predict(Row("Who came?", "task", "Ann came."))' if pair else 'engine.predict("A text", task="task")'
    js_call = (
        'await engine.predict({ text: "Who came?", task: "task", textPair: "Ann came." });'
        if pair
        else 'await engine.predict("A text", { task: "task" });'
    )
    text = RUN.format(
        base=opened, pack=place, call=call, js_call=js_call, base_files=files_of(opened), pack_files=files_of(place)
    )
    yield "## Run"
    yield text.replace("import Engine\n\nengine = E", "import Engine, Row\n\nengine = E") if pair else text


def _training(info: PackInfo, facts: TrainingFacts | None) -> Iterator[str]:
    yield "## Training"
    start = f"; from layer {info.from_layer} on" if info.from_layer else ""
    yield f"Bias terms: {', '.join(info.terms) or 'none'}{start}. At most {info.max_length} tokens. {info.encoding}."
    if facts is None:
        yield "Options were not recorded: the pack was trained without `--card`."
    else:
        options = ", ".join(f"`{name}` {_inline(value)}" for name, value in facts.options.items())
        yield f"{facts.steps:,} steps. Options that are not the default: {options or 'none'}."


def _evaluation(info: PackInfo, facts: TrainingFacts | None) -> Iterator[str]:
    yield "## Evaluation"
    if not info.metrics:
        yield "Not measured: `bitfit eval` measures it on your texts."
        return
    yield "Measured in the engine that ships, on rows that whoever trained it held out or chose."
    yield "\n".join(
        ["| metric | |", "|---|---|", *(f"| {name} | {value:.4f} |" for name, value in info.metrics.items())]
    )
    if facts is None:
        yield "Confusion and calibration were not recorded: the pack was trained without `--card`."
        return
    told = "" if facts.wrong is None else f", of which {facts.wrong:,} were not answered rightly"
    yield f"{facts.rows:,} rows{told}."
    if facts.confusion:
        yield _confusion(facts)
    if facts.calibration_error is None:
        yield "Calibration was not measured."
    else:
        yield f"Calibration error {facts.calibration_error:.3f}, on rows that the temperature was not fitted on."
    if facts.coverage is not None:
        error = "none" if facts.accepted_error is None else f"{facts.accepted_error:.1%}"
        yield f"Accepts {facts.coverage:.1%} of the rows; wrong of these: {error}."


def _confusion(facts: TrainingFacts) -> str:
    """Return the table of confusion, or its largest entries where there are many classes."""
    classes = sorted({name for one in facts.confusion for name in (one.expected, one.found)})
    if len(classes) > MOST_CLASSES:
        worst = sorted((one for one in facts.confusion if one.expected != one.found), key=lambda one: -one.count)
        rows = [f"| {_inline(one.expected)} | {_inline(one.found)} | {one.count} |" for one in worst[:MOST_CLASSES]]
        return "\n".join(["Most confused:\n", "| expected | found | rows |", "|---|---|---|", *rows])
    counts = {(one.expected, one.found): one.count for one in facts.confusion}
    heads = " | ".join(map(_inline, classes))
    lines = [f"| expected, found | {heads} |", "|---" * (len(classes) + 1) + "|"]
    for expected in classes:
        cells = " | ".join(str(counts.get((expected, found), 0)) for found in classes)
        lines.append(f"| {_inline(expected)} | {cells} |")
    return "\n".join(lines)


def _limits(info: PackInfo, facts: TrainingFacts | None) -> str:
    lines = [
        "## What it is not for\n",
        "- Another base than the one it names, by digest: it is refused.",
        "- Texts unlike those it was trained on, or in other languages: it answers them all the same. "
        f"It reads {info.max_length} tokens"
        + ("." if info.windows is None else f" a window, and {info.windows.max_windows} windows."),
    ]
    if info.decisions is None:
        lines.append("- Thresholds on its probabilities: they were not calibrated.")
    if facts is None or facts.rows < 100:
        lines.append("- Comparison by its metrics: they are of few rows, or of nobody knows how many.")
    lines.append("- Decisions about people that nobody checks.")
    return "\n".join(lines)


def _link(base: PackBase) -> str:
    return f"https://huggingface.co/{base.repository}/tree/{base.revision or 'main'}"


def _inline(text: str) -> str:
    """Return a text that someone else wrote on one line of Markdown, its marks escaped."""
    line = " ".join(text.split())
    return "".join(f"\\{character}" if character in "\\|`*_<>[]#" else character for character in line)
