"""The card of a base: metadata as the hub's library writes them, and what a reader should know."""

from huggingface_hub import ModelCardData

from bitfit_exporters.origin import Origin
from bitfit_runtime.formats import Manifest

PLACE = "BASE"  # stands for the base until it is pushed

TEXT = """# {name}

A frozen encoder of bitfit-edge: its biases are inputs, so that one base answers
any number of small tasks, each a pack of some kilobytes. By itself it answers nothing: give it packs.

{license}

## Run

{run}

## What it is

| | |
|---|---|
| architecture | {architecture}, {layers} layers, hidden size {hidden} |
| weights | {precision}, activations {activations} |
| pooling | {pooling} |
| longest input | {tokens} tokens |
| parameters | {parameters:,}, of which {biases:,} are biases that packs change |
| digest | `{digest}` |

Its weights are those of {source}, rounded to {precision}: answers differ from that model's by rounding.

## What it is not for

- Packs that were made for another digest: they are refused.
- Languages and kinds of text that the model was not trained on; whatever it learned amiss, every pack inherits.
- Decisions about people that nobody checks.
"""
RUN = """```python
from bitfit import Engine

engine = Engine("{place}")
engine.install("mood", "mood.safetensors")  # a pack that fits this base
engine.predict("What a lovely day", task="mood")
```

```js
import ort from "onnxruntime-node"; // in pages: import * as ort from "onnxruntime-web/wasm"
import {{ Engine }} from "bitfit-edge";

const engine = await Engine.load("{files}", {{ ort }});
await engine.install("mood", "mood.safetensors");
await engine.predict("What a lovely day", {{ task: "mood" }});
```"""


def base_card(manifest: Manifest, origin: Origin, place: str = PLACE) -> str:
    """Return README.md of a base; `place` is the folder or the hub name that its examples open."""
    data = ModelCardData(
        base_model=origin.model,
        base_model_relation=None if origin.model is None else "quantized",
        license=origin.license,
        license_name=origin.license_name,
        license_link=origin.license_link,
        library_name="bitfit-edge",
        pipeline_tag="feature-extraction",
        tags=["bitfit", "bitfit-base", "onnx", manifest.architecture],
    )
    text = TEXT.format(
        name=manifest.name,
        license=license_line(origin.license, "the card of the model that it was made of"),
        run=RUN.format(place=place, files=files_of(place)),
        architecture=manifest.architecture,
        layers=manifest.layers,
        hidden=manifest.hidden_size,
        precision=manifest.precision,
        activations=manifest.activations,
        pooling=manifest.pooling,
        tokens=manifest.max_length,
        parameters=manifest.parameters,
        biases=manifest.bias_parameters,
        digest=manifest.digest,
        source=f"`{origin.model}`" if origin.model else "a checkpoint whose place is not known",
    )
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def placed(card: str, place: str) -> str:
    """Return the card of a base whose examples open it at `place`; all else that people wrote in it stays."""
    opened = card.replace(f'Engine("{PLACE}")', f'Engine("{place}")')
    return opened.replace(f'Engine.load("{PLACE}"', f'Engine.load("{files_of(place)}"')


def license_line(stated: str | None, who: str) -> str:
    """Return what is known of a license. None is never guessed at."""
    if stated is None:
        return f"**License: not stated** by {who}. Find out before you share or ship it."
    return f"License: {stated}, as {who} states it."


def files_of(place: str) -> str:
    """Return where a program of another language finds the files: those of the hub at its address."""
    repository, _, revision = place.partition("@")
    return f"https://huggingface.co/{repository}/resolve/{revision or 'main'}/" if "/" in place else place
