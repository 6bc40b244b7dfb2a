"""Pictures: arrays in, a matplotlib figure out. What is compared shares one scale, and zero always looks like zero.

Everywhere else depth comes first; only here do images become (height, width, depth), as matplotlib wants them.
"""

import base64
import io
import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

# Okabe and Ito's colours, which colour-blind readers can tell apart. An axis keeps its colour all through the course.
DEPTH, HEIGHT, WIDTH, FILTER = "#D55E00", "#0072B2", "#009E73", "#CC79A7"
CROSS, CIRCLE = "#E69F00", "#56B4E9"

ACTIVATIONS = "magma"  # zero is black
SIGNED = "RdBu_r"  # zero is white, what is negative blue, what is positive red


class Picture(Figure):
    """A figure that a notebook shows, with words for readers who cannot see it: they are its text form."""

    def __init__(self, alt, width, height):
        super().__init__(figsize=(width, height), layout="constrained")
        self.alt = alt

    def png(self):
        """The picture as the bytes of a PNG file."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=110)
        return file.getvalue()

    def base64(self):
        """The same, as Jupyter passes it on."""
        return base64.b64encode(self.png()).decode()

    def _repr_png_(self):
        return self.png(), {"alt": self.alt}

    def __repr__(self):
        return self.alt


def images(images, titles=None, columns=8, inches=1.3):
    """A sheet of images, (n, 3 or 1, height, width) with values from 0 to 1, each under its title if given."""
    n, columns = len(images), min(columns, len(images))
    titles = [""] * n if titles is None else list(map(str, titles))
    rows = -(-n // columns)
    told = f"{n} images. {', '.join(filter(None, titles))}".strip()
    picture = Picture(told, inches * columns, (inches + 0.2) * rows)
    axes = picture.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[n:]:
        ax.axis("off")
    for ax, image, title in zip(axes.flat, images, titles):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("#bbbbbb")  # or white pictures would have no end
        image = np.asarray(image, float).transpose(1, 2, 0)  # of whole numbers, matplotlib thinks that 255 is white
        ax.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
        ax.set_title(title, fontsize=9)
    return picture


def maps(rows, image=None, signed=False, brightest=None, inches=2.4):
    """Rows of maps to compare, {name: (maps, height, width)}, all on one scale; beside them the image they are of.

    Activations are shown from zero up; signed=True centres the colours on zero, as filters and gradients want.
    The scale ends at the largest value, or at `brightest`. Rows of a single map each stand side by side.
    """
    largest = brightest or max(float(np.abs(row).max()) for row in rows.values()) or 1.0
    scale = {"cmap": SIGNED, "vmin": -largest} if signed else {"cmap": ACTIVATIONS, "vmin": 0}
    columns = max(len(row) for row in rows.values())
    shape = (1, len(rows)) if columns == 1 else (len(rows), columns)
    told = (f"{name}: " + ", ".join(f"from {m.min():.2f} to {m.max():.2f}, mean {m.mean():.3f}" for m in row)
            for name, row in rows.items())
    wide = inches * (shape[1] + (image is not None)) + 1
    picture = Picture("Maps. " + "; ".join(told) + ".", wide, inches * shape[0])
    left, right = picture.subfigures(1, 2, width_ratios=[1, shape[1]]) if image is not None else (None, picture)
    if left:
        ax = left.subplots()
        ax.imshow(image.transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=1)
        ax.set_title("the image", fontsize=10)
        ax.axis("off")
    axes = right.subplots(*shape, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for line, (name, row) in zip(axes.T if columns == 1 else axes, rows.items()):
        for number, (ax, values) in enumerate(zip(line, row)):
            drawn = ax.imshow(values, vmax=largest, interpolation="nearest", **scale)
            ax.set_title(name if columns == 1 else f"{name}, map {number}", fontsize=10)
    right.colorbar(drawn, ax=axes, shrink=0.8)
    return picture


def boxes(image, groups, inches=3.6):
    """An image, (1 or 3, height, width), with boxes on it, {name: (n, 4)}, each group in a colour of its own.

    A box is left, top, right, bottom in pixels, the last two the first outside. "cross" and "circle" have the colours
    that they have everywhere, a group whose name begins with "true" is dashed. More than eight boxes are
    a crowd, in thin lines, and in words only their number.
    """
    crowds = [name for name, group in groups.items() if len(group) > 8]
    places = {name: np.round(group).astype(int).tolist() for name, group in groups.items()}
    told = "; ".join(f"{name}: {f'{len(them)} boxes' if name in crowds else them}" for name, them in places.items())
    picture = Picture(f"An image of {image.shape[1]} x {image.shape[2]} with boxes. {told}.", inches + 1.6, inches)
    ax = picture.subplots()
    ax.imshow(np.asarray(image, float).transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    others = iter((FILTER, HEIGHT, WIDTH, DEPTH) * (len(groups) // 4 + 1))
    lines = []
    for name, group in groups.items():
        colour = {"cross": CROSS, "circle": CIRCLE}.get(name) or next(others)
        dash = "--" if name.startswith("true") else "-"
        rims = [(colour, 0.8)] if name in crowds else [("white", 4), (colour, 2)]  # a light rim shows on any ground
        for left, top, right, bottom in group:
            for rim, wide in rims:
                place, style = (left - 0.5, top - 0.5), "-" if rim == "white" else dash
                ax.add_patch(Rectangle(place, right - left, bottom - top, fill=False, ec=rim, lw=wide, ls=style))
        lines.append(Rectangle((0, 0), 1, 1, fill=False, ec=colour, lw=2, ls=dash, label=name))
    picture.legend(handles=lines, loc="outside right upper", fontsize=9)
    return picture


def arrows(image, right, down):
    """An image, (1 or 3, height, width), with an arrow on every pixel: so far to the right and so far down.

    The longest is one and a half pixels long.
    """
    rows, columns = np.indices(right.shape)
    length = np.hypot(right, down)
    row, column = np.unravel_index(length.argmax(), length.shape)
    angle = np.degrees(np.arctan2(down[row, column], right[row, column]))
    told = f"The longest, at row {row}, column {column}, points {angle:.0f} degrees clockwise from the right."
    height, width = right.shape
    picture = Picture(f"Arrows on {height} x {width} pixels. {told}", 5, 5 * height / width)
    ax = picture.subplots()
    ax.imshow(np.asarray(image, float).transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=1)
    scale = {"angles": "xy", "scale_units": "xy", "scale": length.max() / 1.5 or 1, "pivot": "mid"}
    ax.quiver(columns, rows, right, down, color=FILTER, width=0.006, headwidth=4, minlength=0, **scale)
    ax.axis("off")
    return picture


def lines(lines, x, y, log=False):
    """Lines on the same axes, {name: (xs, ys)}, with a dot on each point where there are few; x and y name the axes.

    log=True: up the picture, each step is ten times the last.
    """
    told = (f"{name}: {ys[0]:.3g} at {xs[0]:.3g}, {ys[-1]:.3g} at {xs[-1]:.3g}, lowest {min(ys):.3g}"
            for name, (xs, ys) in lines.items())
    picture = Picture(f"{y} over {x}. {'; '.join(told)}.", 6, 3)
    ax = picture.subplots()
    for (name, (xs, ys)), colour in zip(lines.items(), (HEIGHT, DEPTH, WIDTH, FILTER, CROSS, CIRCLE)):
        ax.plot(xs, ys, color=colour, linewidth=2, marker="o" if len(xs) <= 20 else "", label=name)
    ax.set(xlabel=x, ylabel=y, yscale="log" if log else "linear")
    if len(lines) > 1:
        ax.legend()
    return picture


def learning_curves(runs, over=20, highest=None):
    """Loss and accuracy, iteration by iteration, of one or more trainings: {name: list of Step}.

    A faint line for each mini-batch, and a strong one for the mean of the last `over` of them. The
    loss is cut off at `highest`, if given.
    """
    picture = Picture("", 9, 3)
    axes = picture.subplots(1, 2)
    told = []
    for (name, steps), colour in zip(runs.items(), (HEIGHT, DEPTH, WIDTH, FILTER, CROSS, CIRCLE)):
        iterations = np.arange(1, len(steps) + 1)  # not the steps' own: they may come from several calls of train
        for ax, what in zip(axes, ("loss", "accuracy")):
            values = np.array([getattr(step, what) for step in steps])
            sums = np.cumsum(np.insert(values, 0, 0))
            first = np.maximum(np.arange(len(values)) + 1 - over, 0)
            smooth = (sums[1:] - sums[first]) / (np.arange(len(values)) + 1 - first)
            ax.plot(iterations, values, color=colour, alpha=0.25, linewidth=1)
            ax.plot(iterations, smooth, color=colour, linewidth=2, label=name)
            ax.set(xlabel="iteration", title=what)
            ax.set_ylim(0, 1.02 if what == "accuracy" else highest)
            told.append(f"{name}: mean {what} of the last {over}: {smooth[-1]:.2f}")
    if len(runs) > 1:
        picture.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")  # or it covers a curve
    picture.alt = f"Learning curves. {'; '.join(told)}."
    return picture


def still(rows, alt, width=9.0):
    """What an explorer shows, for a page where no kernel runs: rows of tiles, wrapped where they are too wide.

    A tile is (colours (height, width, 4), caption, zoom in pixels a cell, boxes as widgets.box makes them, numbers).
    """
    inch, gap, line = 90, 0.15, 0.2  # pixels, and inches between tiles and for a line of caption
    edge = 0.04  # so that no outline is cut off
    placed, top, widest = [], edge, 0.0
    for row in rows:
        left, tall = edge, 0.0
        for tile in row:
            height, across = (side * tile[2] / inch for side in tile[0].shape[:2])
            if left > edge and left + across > width:
                left, top = edge, top + tall + gap
            widest = max(widest, left + max(across, 0.5))
            placed.append((left, top, across, height, tile))
            left += max(across, 0.5) + gap
            tall = max(tall, height + line * len(wrapped(tile[1], across)))
        top += tall + gap
    width = widest + edge
    picture = Picture(alt, width, top)
    picture.set_layout_engine("none")
    for left, down, across, height, (colours, caption, zoom, boxes, numbers) in placed:
        ax = picture.add_axes([left / width, 1 - (down + height) / top, across / width, height / top])
        ax.imshow(colours, interpolation="nearest", aspect="auto")
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel("\n".join(wrapped(caption, across)), fontsize=8, loc="left", labelpad=2)
        for box in boxes:
            place = (box["left"] - 0.5, box["top"] - 0.5)
            style = "--" if box["dashed"] else "-"
            ax.add_patch(Rectangle(place, box["width"], box["height"], fill=False, ec=box["colour"], lw=2, ls=style))
        for i, text in enumerate(numbers if zoom >= 20 else ()):
            row, column = divmod(i, colours.shape[1])
            dark = colours[row, column, :3] @ (0.299, 0.587, 0.114) < 140
            ax.text(column, row, text, color="white" if dark else "black", size=zoom / 4.5, ha="center", va="center")
    return picture


def wrapped(caption, inches):
    """The lines of a caption under a tile so wide."""
    return textwrap.wrap(caption, max(int(inches / 0.075), 6)) or [""]
