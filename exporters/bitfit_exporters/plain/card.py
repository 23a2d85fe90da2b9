"""The card of a plain model, and what it cannot carry of a pack."""

import json
from typing import Final

from bitfit_runtime import Base, Pack, PackInfo

PIPELINES: Final = {
    "classification": "text-classification",
    "multi-label": "text-classification",
    "token-classification": "token-classification",
    "span": "question-answering",
    "embedding": "feature-extraction",
}
SATURATION: Final = """On x86 without VNNI (AMD before Zen 4, Intel before Ice Lake) set ONNX Runtime's session option
`session.x64quantprecision` to "1": else integer sums saturate there, and answers are off.

"""


def notes(base: Base, info: PackInfo) -> tuple[str, ...]:
    """Return a line for each thing that answers differently than the engine does."""
    decisions = info.decisions
    thresholds = ", ".join(f"{value:g}" for value in (decisions and decisions.thresholds) or ())
    by_first_token = ", and words by their first token" if info.words is None else ""
    found = {
        f"windows are lost: a text of more than {info.max_length} tokens is cut there": info.windows is not None,
        "transitions are lost: each token is tagged by itself": info.transitions is not None,
        "words are lost: a token's logits are its own, not the mean over its word": info.words is not None,
        "a pipeline tags tokens; the engine tags words" + by_first_token: info.task_type == "token-classification",
        "logits are divided by the pack's temperature": decisions is not None and decisions.temperature != 1,
        f"thresholds are lost: labels were chosen from {thresholds} on": decisions is not None
        and decisions.thresholds is not None,
        "acceptance is lost: every answer looks alike": decisions is not None and decisions.acceptance is not None,
        "outlier scores are lost": decisions is not None and decisions.outliers is not None,
        "a pipeline makes a probability of the number: take the logit itself": info.task_type == "regression",
        "the vector is in sentence_embedding alone; no library pools like that": info.task_type == "embedding"
        and base.manifest.pooling == "pooler",
    }
    return tuple(note for note, present in found.items() if present)


def card(base: Base, pack: Pack, file: str) -> str:
    """Return README.md."""
    info = pack.info
    labels = ", ".join(map(_code, info.labels)) or "none"
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in info.metrics.items()) or "none in the pack"
    rows = (
        ("task", f"{_code(info.task)}, {info.task_type}"),
        ("base", f"{_code(base.manifest.name)}, {base.manifest.precision}, `{base.manifest.digest}`"),
        ("labels", labels),
        ("at most", f"{info.max_length} tokens"),
        ("metrics", metrics),
    )
    table = "\n".join(f"| {what} | {figure} |" for what, figure in rows)
    lost = "\n".join(f"- {note}." for note in notes(base, info)) or "- nothing."
    head = "---\nlibrary_name: transformers.js\n"
    pipeline = PIPELINES.get(info.task_type)
    head += "---\n" if pipeline is None else f"pipeline_tag: {pipeline}\n---\n"
    how = _session(file) if pipeline is None else _pipeline(pipeline, info, file)
    return f"""{head}
# {_plain(info.task)}

Made by `bitfit convert --to onnx` of one pack and its base.

| | |
|---|---|
{table}

{how}
{"" if _in_floats(file) else SATURATION}What the engine of bitfit-edge does and this model does not:

{lost}
"""


def _pipeline(pipeline: str, info: PackInfo, file: str) -> str:
    dtype = "fp32" if _in_floats(file) else "q8"
    options = {"span": '"Where is it?", "It is here."', "embedding": '"A text.", { pooling: "mean" }'}
    return f"""```js
import {{ pipeline }} from "@huggingface/transformers";
const run = await pipeline("{pipeline}", "path/to/this/folder", {{ dtype: "{dtype}" }});
console.log(await run({options.get(info.task_type, '"A text."')}));
```
"""


def _in_floats(file: str) -> bool:
    return file.endswith("/model.onnx")


def _session(file: str) -> str:
    return f"""```python
session = onnxruntime.InferenceSession("{file}")
(logits,) = session.run(["logits"], dict(tokenizer("A text.", return_tensors="np")))
```
"""


def _code(text: str) -> str:
    return f"`{_plain(text)}`"


def _plain(text: str) -> str:
    """Return a name of a pack as one that can be no markup: nobody vouches for it."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return "".join(character if character not in "`|<>[]" else " " for character in escaped)
