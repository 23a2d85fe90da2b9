"""Drawing of shared layers: one text runs through the lower layers once, then through the upper ones for each task.

python docs/pictures/shared.py [--output docs/pictures/shared.svg]

The text, the tasks, their first layer and the answers are those of the demo (`make demo`).
"""

import argparse
from pathlib import Path

import matplotlib as mpl
from idea import COLORS, INK, LARGE, NORMAL, PAPER, QUIET, STONE, arrow, box  # beside this script
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

WIDTH, HEIGHT = 100.0, 27.0  # units of the drawing
TEXT = ("Your parcel is late again", "and nobody answers my calls,", "when will it be here?")
ANSWERS = {"sentiment": "negative", "intents": "track_order", "spam": "ham"}
ASKED, LOWER, UPPER, GIVEN = (1.5, 29.5), (35.0, 15.0), (53.0, 20.0), (77.5, 21.0)  # left edge and width
MIDDLE, STEP = 10.5, 6.9


def main() -> None:
    """Draw it into a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("shared.svg"))
    output: Path = parser.parse_args().output
    mpl.rcParams |= {"font.family": "DejaVu Sans", "svg.hashsalt": "shared"}  # equal drawings make equal files
    figure = plt.figure(figsize=(10, 10 * HEIGHT / WIDTH), facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()
    draw_text(axes)
    for (left, width), title, note in ((LOWER, "layers 0–2", "once"), (UPPER, "layers 3–5", "for each task")):
        box(axes, left, 0.8, width, 21.4, STONE)
        axes.text(left + width / 2, 25.2, title, size=LARGE, color=INK, ha="center", va="center", weight="bold")
        axes.text(left + width / 2, 23.3, note, size=NORMAL - 1, color=QUIET, ha="center", va="center")
    draw_trunk(axes)
    for index, (task, answer) in enumerate(ANSWERS.items()):
        draw_task(axes, task, answer, MIDDLE + STEP * (1 - index))
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, dpi=70)


def draw_text(axes: Axes) -> None:
    """Draw the one text, and name what is left and right."""
    left, width = ASKED
    box(axes, left, MIDDLE - 5, width, 10, PAPER, INK)
    for index, line in enumerate(TEXT):
        axes.text(left + 1.2, MIDDLE + 2.7 * (1 - index), line, size=NORMAL - 1, color=INK, va="center")
    for (x, room), title in ((ASKED, "one text"), (GIVEN, "answers")):
        axes.text(x + room / 2, 25.2, title, size=LARGE, color=INK, ha="center", va="center", weight="bold")
    arrow(axes, (left + width + 0.4, MIDDLE), (LOWER[0] - 0.2, MIDDLE), INK)


def draw_trunk(axes: Axes) -> None:
    """Draw the way of the text through the layers that all tasks share."""
    left, width = LOWER
    axes.plot((left, left + width), (MIDDLE, MIDDLE), color=INK, linewidth=7, alpha=0.85, solid_capstyle="butt")


def draw_task(axes: Axes, task: str, answer: str, y: float) -> None:
    """Draw a task's way from where it branches off to its answer."""
    color = COLORS[task]
    left, width = UPPER
    axes.plot((LOWER[0] + LOWER[1], left), (MIDDLE, y), color=color, linewidth=3, solid_capstyle="round")
    axes.plot((left, left + width), (y, y), color=color, linewidth=7, alpha=0.85, solid_capstyle="butt")
    axes.text(left + width / 2, y + 1.9, task, size=NORMAL - 1, color=color, ha="center", va="center", weight="bold")
    right, room = GIVEN
    arrow(axes, (left + width + 0.2, y), (right - 0.4, y), color)
    box(axes, right, y - 2.5, room, 5, PAPER, color)
    axes.text(right + room / 2, y, answer, size=NORMAL, color=color, ha="center", va="center", weight="bold")


if __name__ == "__main__":
    main()
