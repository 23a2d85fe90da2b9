"""Random calls, whose rows share layers of a base, and the proof that they answer as they do alone."""

from dataclasses import replace

import numpy as np

from bitfit_runtime import Base, Engine, Pack, Row
from support.packs import random_pack

TEXTS = ["a", "some words", "", "and a much longer text than the others are", "ok?"]
KINDS = {
    "classification": ("no", "yes"),
    "multi-label": ("a", "b", "c", "d", "e"),
    "regression": ("value",),
    "token-classification": ("O", "B-x", "I-x"),
    "span": ("start", "end"),
    "embedding": (),
}


def pack_of(base: Base, seed: int, kind: str, start: int, terms: tuple[str, ...] | None = None) -> Pack:
    """A random pack of a task type."""
    pack = random_pack(base, seed, len(KINDS[kind]), terms, task_type=kind, from_layer=start)
    return replace(pack, info=replace(pack.info, labels=KINDS[kind]))


def check_random_call(base: Base, seed: int, rows: int = 16) -> float:
    """Ask for rows of random texts and packs at once and each alone, to the bit; return the share of saved work."""
    draw = np.random.default_rng(seed)
    engine = Engine(base, threads=1, self_test="off", verify=False, max_batch_tokens=int(draw.choice([64, 512])))
    for number in range(int(draw.integers(1, 7))):
        terms = () if draw.random() < 0.2 else None
        start = 0 if terms == () else int(draw.integers(0, base.manifest.layers + 1))
        kind = str(draw.choice(list(KINDS)[: None if terms is None else -1]))
        engine.install(str(number), pack_of(base, int(draw.integers(99)), kind, start, terms))
    tasks = [*engine.tasks, None]
    asked = [
        Row(TEXTS[draw.integers(len(TEXTS))], tasks[draw.integers(len(tasks))], "b" if draw.random() < 0.2 else None)
        for _ in range(rows)
    ]
    with_task = [row for row in asked if row.task is not None]
    labelled = [row for row in with_task if engine.tasks[str(row.task)].task_type != "embedding"]
    for rows_of_call, method in ((asked, engine.hidden_states), (asked, engine.embed), (labelled, engine.logits)):
        for row, found in zip(rows_of_call, method(rows_of_call), strict=True):
            np.testing.assert_array_equal(found, method([row])[0], err_msg=f"seed {seed}, {row}")
    answers = engine.predict(with_task)
    alone = [engine.predict(row) for row in with_task]
    assert [answer.as_dict(9) for answer in answers] == [answer.as_dict(9) for answer in alone]
    return engine.explain(with_task).saved
