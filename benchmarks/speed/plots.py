"""Plot of our latency against that of the fastest constant-bias graph, by length."""

from pathlib import Path

from harness.clock import ratio
from harness.ledger import Ledger
from speed.arms import FLOOR, LORA, OPTIMUM, OURS
from speed.latency import LATENCY

BARS = {
    "constant-bias int8 (optimum)": OPTIMUM,
    "LoRA r8 q, v (ORT adapters)": LORA + "query and value",
    "floor": FLOOR,
}


def draw(ledger: Ledger, path: Path) -> None:
    """Draw a panel a model, one thread, batch 1. Draws nothing where no latency was measured."""
    groups = [(shape, arms) for shape, arms in ledger.groups(LATENCY) if shape["threads"] == 1]
    models = list(dict.fromkeys(shape["model"] for shape, _ in groups))
    if not models:
        return
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(models), figsize=(5 * len(models), 3.4), sharey=True, squeeze=False)
    for axis, model in zip(axes[0], models, strict=True):
        own = [(shape["sequence"], arms) for shape, arms in groups if shape["model"] == model]
        for bar, (label, peers) in enumerate(BARS.items()):
            found = [(at, ratio(arms, OURS, peers)) for at, (_, arms) in enumerate(own)]
            bars = [(at + 0.27 * (bar - 1), value.median) for at, value in found if value]
            drawn = axis.bar([at for at, _ in bars], [height for _, height in bars], 0.25, label=f"ours / {label}")
            axis.bar_label(drawn, fmt="%.2f", fontsize=7)
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set_xticks(range(len(own)), [str(sequence) for sequence, _ in own])
        axis.set_xlabel("tokens")
        axis.set_title(f"{model}, batch 1, one thread", fontsize=10)
    axes[0][0].set_ylabel("ratio of median latencies")
    axes[0][0].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
