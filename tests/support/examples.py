"""Rows of every task type, made up."""

from typing import Any

import numpy as np

WORDS = ("aa", "zz", "aaa", "zzz", "ba", "bz", "ab", "zb")


def texts(count: int = 48) -> list[list[str]]:
    generator = np.random.default_rng(0)
    return [list(generator.choice(WORDS, 4)) for _ in range(count)]


def rows_of(task_type: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for words in texts():
        text, zs = " ".join(words), sum("z" in word for word in words)
        match task_type:
            case "multi-label":
                rows.append({"text": text, "label": [letter for letter in "bz" if letter in text]})
            case "regression":
                rows.append({"text": text, "label": 1000 + 10 * zs})
            case "token-classification":
                tags = ["B-Z" if word.startswith("z") else "O" for word in words]
                rows.append({"tokens": words, "tags": tags})
            case "span":
                words = ["aa", "aa", "aa", "aa"]
                words[len(rows) % 4] = "zzz"
                context = " ".join(words)
                answers = {"text": ["zzz"], "answer_start": [context.index("zzz")]}
                rows.append({"question": "zz", "context": context, "answers": answers})
            case "embedding":
                other = text.replace("z", "a") if len(rows) % 2 else text
                rows.append({"text": text, "text_pair": other, "label": float(other == text)})
    return rows
