"""Copy the before-and-after picture out of the built lesson, so that the README shows what the lesson shows."""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
LESSON = ROOT / "notebooks" / "08_train_network.ipynb"
PICTURE = ROOT / "docs" / "before_after.png"


def picture():
    """The PNG that the lesson's cell stored, as bytes."""
    cells = nbformat.read(LESSON, as_version=4).cells
    (cell,) = (cell for cell in cells if 'plots.maps({"before": before' in cell.source)
    return base64.b64decode(cell.outputs[0].data["image/png"])


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture())
