"""Drawing of the idea: one frozen base, many small packs, one batch whose rows have different tasks.

python docs/pictures/idea.py [--output docs/pictures/idea.svg]

Texts and answers are those of the demo's packs (`make demo`).
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

WIDTH, HEIGHT = 100.0, 56.0  # units of the drawing
INK, QUIET, PAPER, STONE = "#1f2933", "#5b6770", "#ffffff", "#e6e9ed"
COLORS = {"sentiment": "#d1495b", "intents": "#00798c", "spam": "#a06a00", "duplicates": "#6a4c93"}
TEXTS, BASE, ANSWERS = (1.5, 36.0), (44.0, 26.0), (76.5, 22.0)  # left edge and width of each column
LARGE, NORMAL = 15, 13  # points


class Line(NamedTuple):
    """One row of the batch: its text, its task, and the answer."""

    text: str
    task: str
    answer: str


BATCH = (
    Line("What a lovely day", "sentiment", "positive"),
    Line("Where is my parcel?", "intents", "track_order"),
    Line("Claim your free prize now!", "spam", "spam"),
    Line("The battery died in two days", "sentiment", "negative"),
)


def main() -> None:
    """Draw it into a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("idea.svg"))
    output: Path = parser.parse_args().output
    mpl.rcParams |= {"font.family": "DejaVu Sans", "svg.hashsalt": "idea"}  # equal drawings make equal files
    figure = plt.figure(figsize=(10, 10 * HEIGHT / WIDTH), facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()
    draw_packs(axes)
    draw_base(axes)
    for index, line in enumerate(BATCH):
        draw_line(axes, line, 24.2 - 6.9 * index)
    headings(axes)
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, dpi=70)


def draw_packs(axes: Axes) -> None:
    """Draw a small box for each pack above the base, and arrows from them into it."""
    left, width = BASE
    each, gap = 15.0, 2.0
    begin = left + width / 2 - (4 * each + 3 * gap) / 2
    for index, (task, color) in enumerate(COLORS.items()):
        x = begin + index * (each + gap)
        box(axes, x, 43.5, each, 5.5, color)
        axes.text(x + each / 2, 46.1, task, color=PAPER, size=NORMAL, ha="center", va="center", weight="bold")
        middle = left + width * (index + 0.5) / len(COLORS)
        arrow(axes, (x + each / 2, 42.9), (middle, 34.6), color)
    axes.text(begin - gap, 46.1, "…", color=QUIET, size=LARGE, ha="right", va="center")
    axes.text(begin + 4 * each + 4 * gap, 46.1, "…", color=QUIET, size=LARGE, va="center")


def draw_base(axes: Axes) -> None:
    """Draw the base as one large block."""
    left, width = BASE
    box(axes, left, 0.8, width, 33.2, STONE)
    axes.text(left + width / 2, 31.2, "one frozen base", size=LARGE, color=INK, ha="center", va="center", weight="bold")
    axes.text(left + width / 2, 28.1, "int8, 23 MB", size=NORMAL, color=QUIET, ha="center", va="center")


def draw_line(axes: Axes, line: Line, y: float) -> None:
    """Draw one row of the batch: its text, its way through the base, and its answer."""
    color = COLORS[line.task]
    left, width = TEXTS
    box(axes, left, y - 2.5, width, 5, PAPER, color)
    axes.text(left + 1.2, y, line.text, size=NORMAL, color=INK, va="center")
    inside, span = BASE
    axes.plot((inside, inside + span), (y, y), color=color, linewidth=7, alpha=0.85, solid_capstyle="butt")
    arrow(axes, (left + width + 0.4, y), (inside - 0.2, y), color)
    right, room = ANSWERS
    arrow(axes, (inside + span + 0.2, y), (right - 0.4, y), color)
    box(axes, right, y - 2.5, room, 5, PAPER, color)
    axes.text(right + room / 2, y, line.answer, size=NORMAL, color=color, ha="center", va="center", weight="bold")


def headings(axes: Axes) -> None:
    """Name what is seen."""
    middle = BASE[0] + BASE[1] / 2
    axes.text(middle, 53, "many small packs", size=LARGE, color=INK, ha="right", va="center", weight="bold")
    axes.text(middle + 1, 53, "biases and a head, about 10 kB each", size=NORMAL, color=QUIET, va="center")
    for (left, width), title in ((TEXTS, "one batch of texts"), (ANSWERS, "answers")):
        axes.text(left + width / 2, 31.2, title, size=LARGE, color=INK, ha="center", va="center", weight="bold")


def box(axes: Axes, x: float, y: float, width: float, height: float, fill: str, edge: str | None = None) -> None:
    """Draw a box with round corners."""
    shape = FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=1", facecolor=fill)
    shape.set(edgecolor=edge or fill, linewidth=2)
    axes.add_patch(shape)


def arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float], color: str) -> None:
    """Draw an arrow."""
    style = {"arrowstyle": "-|>", "color": color, "linewidth": 2, "mutation_scale": 16, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=end, xytext=begin, arrowprops=style)


if __name__ == "__main__":
    main()
