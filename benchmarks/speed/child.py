"""A fresh process that answers one text and says when, and how much memory that took. Imports only what an arm needs.

    python benchmarks/speed/child.py ours BASE TASKS PACK...
    python benchmarks/speed/child.py optimum MODEL TASKS TOKENIZER
    python benchmarks/speed/child.py lora MODEL TASKS TOKENIZER ADAPTER...
    python benchmarks/speed/child.py pytorch CHECKPOINT TASKS TOKENIZER

With several tasks, all are in memory and all answer. The peers get no more code than they need: optimum's models
run in plain onnxruntime, without optimum, transformers and torch.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator

from harness.memory import peak_kib, resident_kib
from harness.tokens import TEXT, Tokens, tokens_of


def main() -> None:
    arm, path, tasks, *files = sys.argv[1:]
    first = 0.0
    for _ in ARMS[arm](path, int(tasks), files):
        first = first or time.time()
    # Thousands of KiB, as committed results count megabytes.
    print(json.dumps({"answered_at": first, "peak_mb": peak_kib() / 1e3, "resident_mb": resident_kib() / 1e3}))


def ours(folder: str, tasks: int, packs: list[str]) -> Iterator[object]:
    from bitfit_runtime import Engine

    engine = Engine(folder, threads=1)
    for task in range(tasks):
        engine.install(str(task), packs[task])
    for task in range(tasks):
        yield engine.predict(TEXT, task=str(task))


def optimum(model: str, tasks: int, files: list[str]) -> Iterator[object]:
    from harness.sessions import open_session

    tokens = tokenize(files[0])
    sessions = [open_session(model, 1) for _ in range(tasks)]
    for session in sessions:
        yield session.run(None, tokens)


def lora(model: str, tasks: int, files: list[str]) -> Iterator[object]:
    from harness.sessions import activate_adapter, open_session

    tokens = tokenize(files[0])
    session = open_session(model, 1)
    for options, _ in [activate_adapter(path) for path in files[1 : 1 + tasks]]:
        yield session.run(["logits"], tokens, options)


def pytorch(checkpoint: str, tasks: int, files: list[str]) -> Iterator[object]:
    import torch
    import transformers

    torch.set_num_threads(1)
    model = transformers.AutoModel.from_pretrained(checkpoint, add_pooling_layer=False).eval()
    tokens = {name: torch.from_numpy(array) for name, array in tokenize(files[0]).items()}
    biases = {name: parameter.detach() for name, parameter in model.named_parameters() if name.endswith(".bias")}
    copies = [{name: bias.clone() for name, bias in biases.items()} for _ in range(tasks)]
    parameters = dict(model.named_parameters())
    for copy in copies:
        for name, bias in copy.items():
            parameters[name].data = bias
        with torch.inference_mode():
            yield model(**tokens).last_hidden_state.mean(1)


def tokenize(path: str) -> Tokens:
    from tokenizers import Tokenizer

    return tokens_of(Tokenizer.from_file(path).encode(TEXT))


ARMS: dict[str, Callable[[str, int, list[str]], Iterator[object]]] = {
    "ours": ours,
    "optimum": optimum,
    "lora": lora,
    "pytorch": pytorch,
}

if __name__ == "__main__":
    main()
