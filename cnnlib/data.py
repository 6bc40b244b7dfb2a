"""What the course learns from: crosses and circles drawn on demand, a photograph, handwritten digits.

Images are float32 in [0, 1], depth first: (images, depth, height, width).
"""
import hashlib
import io
import math
import struct
import zlib
from functools import partial
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

CROSS, CIRCLE, NEITHER = 0, 1, 2                        # NEITHER: what the detector says of all else in a scene
STROKE = (1.5, 5)                                       # thinnest and thickest line, in pixels
CONTRAST = 0.3                                          # a shape's luma and its background's differ by at least this
LUMA = np.array([0.299, 0.587, 0.114])                  # how bright red, green and blue look (Rec. 601)

FOLDER = Path(__file__).parents[1] / "data"
SHA256 = {
    "photograph.png": "808186f0477d3e197eeb6781db4b8d70611a6b1ada2866405789bfeb374e679a",
    "digits.npz": "d427c2b8f7a21b8d81cd6a66fc543bef2609ebfc923c82f88fc632148e0376b3",
    "network.npz": "b5591d1931b7da17f57dba8dccaed01e2b9418831405f048f778b3a59cb7e028",
    "detector.npz": "14cd4f97095808186af8ca6a1a74525cecd647caa925dc91a7639199f82bdea2",
}


class Shapes(NamedTuple):
    """What crosses_and_circles returns; `images, labels, boxes = crosses_and_circles(...)` takes it apart."""

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray


def crosses_and_circles(n, rng, *, size=64, radius=(6, 24), max_rotation=15, background=None, colour=None,
                        noise=0, colour_bias=0, position_bias=0):
    """Draw n images, each of one cross or one circle somewhere on a plain background.

    Returns Shapes(images, labels, boxes):
        images  float32 (n, 3, size, size) in [0, 1]
        labels  int64 (n,), 0 for a cross and 1 for a circle, half of each; of an odd n, chance gives one its extra
        boxes   int64 (n, 4), left, top, right, bottom in pixels, tight around every pixel the shape touches;
                right and bottom are the first outside: images[i, :, top:bottom, left:right] cuts it out

    rng             a np.random.Generator; the same seed draws the same images
    size            height and width in pixels
    radius          smallest and largest, in pixels, of a circle's radius and of a cross's four arms alike,
                    measured to the middle of the line, which is 1.5 to 5 pixels thick, at most half the radius
    max_rotation    a cross stands upright, +, but for a turn of at most so many degrees either way
    background, colour
                    of what is behind the shape, and of the shape: (red, green, blue), each 0 to 1; None draws any,
                    anew for each image. Light on dark or dark on light, they differ in luma by at least 0.3
    noise           standard deviation of the Gaussian noise on every value, clipped to [0, 1] afterwards
    colour_bias     share of images, 0 to 1, whose background gives the label away: warm (red >= green >= blue)
                    behind a cross, cool (red <= green <= blue) behind a circle
    position_bias   share of images, 0 to 1, whose position gives it away: a cross has its centre in the left half,
                    a circle in the right

    Raises TypeError or ValueError that names the value if it is not as above, if the largest shape with one pixel
    of background around it does not fit, or if both colours are given and differ too little.
    """
    n, size = _whole(n, "n", 0), _whole(size, "size", 1)
    smallest, largest = _radii(radius, size)
    max_rotation = _number(max_rotation, "max_rotation", 0, 180)
    background, colour = _rgb(background, "background"), _rgb(colour, "colour")
    noise = _number(noise, "noise", 0, 1)
    colour_bias = _number(colour_bias, "colour_bias", 0, 1)
    position_bias = _number(position_bias, "position_bias", 0, 1)
    _generator(rng)
    if colour_bias and background is not None:
        raise ValueError(f"colour_bias={colour_bias} chooses backgrounds, but background={background} is given")
    if background is not None and colour is not None and _too_alike(background, colour):
        raise ValueError(f"colour={colour} does not stand out from background={background}: "
                         f"their luma must differ by at least {CONTRAST}")

    circle = (rng.permutation(n) + rng.integers(2)) % 2 == CIRCLE
    radii = rng.uniform(smallest, largest, n)
    strokes = rng.uniform(STROKE[0], np.clip(radii / 2, *STROKE))       # a ring keeps its hole, a cross its arms
    turns = np.deg2rad(rng.uniform(-max_rotation, max_rotation, n))

    biased = rng.random(n) < position_bias
    margin = radii + strokes / 2 + 1                    # a pixel of background all around
    x = rng.uniform(np.where(biased & circle, size / 2, margin), np.where(biased & ~circle, size / 2, size - margin))
    y = rng.uniform(margin, size - margin)

    biased = rng.random(n) < colour_bias
    backgrounds, colours = _colours(background, colour, biased & ~circle, biased & circle, rng)

    images = np.empty((n, 3, size, size), np.float32)
    boxes = np.empty((n, 4), np.int64)
    middle = np.arange(size, dtype=np.float32) + np.float32(0.5)        # of each pixel
    shapes = np.stack([x, y, radii, strokes, turns], axis=1).tolist()   # Python floats, so that float32 stays float32
    for i, (x, y, r, stroke, turn) in enumerate(shapes):
        coverage = _coverage(circle[i], middle - x, middle[:, None] - y, r, stroke, turn)
        images[i] = _painted(coverage, backgrounds[i], colours[i])
        if noise:
            images[i] += noise * rng.standard_normal((3, size, size), np.float32)
        boxes[i] = _box(coverage > 0)
    return Shapes(np.clip(images, 0, 1, out=images), circle.astype(np.int64), boxes)


class Scenes(NamedTuple):
    """What scenes returns; `images, labels, boxes = scenes(...)` takes it apart."""

    images: np.ndarray
    labels: list
    boxes: list


def scenes(n, rng, *, size=256, shapes=(1, 4), clutter=(2, 6), radius=(8, 40), noise=0):
    """Draw n larger images: several crosses and circles, and clutter that is neither, on a plain background.

    Returns Scenes(images, labels, boxes):
        images  float32 (n, 3, size, size) in [0, 1]
        labels  for each image, int64 (its shapes,): 0 for a cross and 1 for a circle, as chance has it
        boxes   for each image, int64 (its shapes, 4): left, top, right, bottom in pixels, as in crosses_and_circles

    rng             a np.random.Generator; the same seed draws the same images
    size            height and width in pixels
    shapes          fewest and most crosses and circles in an image
    clutter         fewest and most lines, corners, arcs, triangles, squares and blobs, turned any way; fewer where
                    there is no room left
    radius          smallest and largest, of shapes and clutter alike; from 8 to 16 pixels as many as from 16 to 32.
                    Lines are a tenth to 0.4 of it thick, and at least 1.5 pixels. Crosses turn by at most 15 degrees
    noise           standard deviation of the Gaussian noise on every value, clipped to [0, 1] afterwards

    Nothing overlaps, and nothing is cut off by the frame. Each thing has a colour of its own, whose luma and the
    background's differ by at least 0.3.

    Raises TypeError or ValueError that names the value if it is not as above, or if there is no room for the shapes.
    """
    n, size = _whole(n, "n", 0), _whole(size, "size", 1)
    shapes, clutter = _few_to_many(shapes, "shapes"), _few_to_many(clutter, "clutter")
    radius, noise = _radii(radius, size, strokes=0.4), _number(noise, "noise", 0, 1)
    _generator(rng)

    images, labels, boxes = np.empty((n, 3, size, size), np.float32), [], []
    for image in images:
        labels.append(rng.integers(2, size=rng.integers(shapes[0], shapes[1] + 1)))
        things = rng.integers(2, len(OUTLINES), size=rng.integers(clutter[0], clutter[1] + 1))
        kinds = np.concatenate([labels[-1], things])
        background = rng.random(3, np.float32)
        image[:] = background[:, None, None]
        nobody = np.zeros(len(kinds), bool)
        _, colours = _colours(background, None, nobody, nobody, rng)
        areas, tight = [], []
        for kind, colour in zip(kinds.tolist(), colours):
            spot = _free_spot(areas, size, radius, rng)
            if spot is not None:
                touched = _add(image, kind, colour, *spot, rng)
            elif kind in (CROSS, CIRCLE):
                raise ValueError(f"there is no room for {len(labels[-1])} shapes of radius {radius} in size={size}: "
                                 "ask for fewer, or for smaller ones")
            if kind in (CROSS, CIRCLE):
                tight.append(touched)
        boxes.append(np.array(tight, np.int64).reshape(-1, 4))
        if noise:
            image += noise * rng.standard_normal(image.shape, np.float32)
    return Scenes(np.clip(images, 0, 1, out=images), labels, boxes)


def draw(shape, *, size=64, x=None, y=None, radius=16, stroke=4, turn=0,
         background=(0, 0.45, 0.7), colour=(0.95, 0.9, 0.25)):
    """Draw one cross or circle just as you say: float32 (3, size, size) in [0, 1].

    shape   CROSS or CIRCLE
    x, y    of its middle, in pixels from the left and from the top; None: the middle of the picture. What lies outside
            of the picture is cut off
    radius  of a circle, and of a cross's four arms, in pixels, measured to the middle of the line
    stroke  how thick the line is, in pixels
    turn    by so many degrees clockwise; a cross of turn 0 stands upright, +
    background, colour
            (red, green, blue), each 0 to 1

    Raises TypeError or ValueError that names the value if it is not as above.
    """
    if shape not in (CROSS, CIRCLE):
        raise ValueError(f"shape must be data.CROSS or data.CIRCLE, got {shape!r}")
    size = _whole(size, "size", 1)
    x = size / 2 if x is None else _number(x, "x", -size, 2 * size)
    y = size / 2 if y is None else _number(y, "y", -size, 2 * size)
    radius, stroke = _number(radius, "radius", 0, size), _number(stroke, "stroke", 0, size)
    turn = math.radians(_number(turn, "turn", -360, 360))
    if background is None or colour is None:
        raise TypeError("background and colour must be (red, green, blue), got None")
    middle = np.arange(size, dtype=np.float32) + np.float32(0.5)
    coverage = _coverage(shape == CIRCLE, middle - x, middle[:, None] - y, radius, stroke, turn)
    return _painted(coverage, _rgb(background, "background"), _rgb(colour, "colour"))


def centered(images):
    """Take its own mean colour off each image: (images, depth, height, width) -> the same shape.

    What stays is how each pixel differs from its picture. For arrays of any library.
    """
    return images - images.mean((2, 3), keepdims=True)


def photograph():
    """Return a portrait of Grace Hopper, pioneer of compilers: float32 (3, 256, 256) in [0, 1].

    Raises FileNotFoundError if its file is missing, ValueError if it is damaged.
    """
    depth_first = _unpack_png(_read("photograph.png")).transpose(2, 0, 1)
    return np.ascontiguousarray(depth_first) / np.float32(255)


def trained_network():
    """The path of the network of lesson 08 as it was when it had learned, for `Network.load`.

    Raises FileNotFoundError if its file is missing, ValueError if it is damaged.
    """
    _read("network.npz")
    return FOLDER / "network.npz"


def detector():
    """The path of the network of lesson 10, for `Network.load`: it tells 32 x 32 windows of scenes apart.

    Its classes are CROSS, CIRCLE and NEITHER. Raises as trained_network.
    """
    _read("detector.npz")
    return FOLDER / "detector.npz"


def digits(split="train"):
    """Return (images, labels): handwritten digits from MNIST, 4,000 to "train" on and 1,000 to "test".

    Images are float32 (n, 1, 28, 28), ink 1 on paper 0; labels int64 (n,), 0 to 9, as many of each digit.

    Raises ValueError for another split or a damaged file, FileNotFoundError if the file is missing.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", got {split!r}')
    with np.load(io.BytesIO(_read("digits.npz")), allow_pickle=False) as file:
        images, labels = file[f"{split}_images"], file[f"{split}_labels"]
    return images[:, None] / np.float32(255), labels.astype(np.int64)


# --- drawing

def _coverage(kind, dx, dy, radius, stroke, turn):
    """How much of each pixel at (dx, dy) from its middle a shape covers: 1 inside, 0 outside, a soft edge between."""
    distance = OUTLINES[int(kind)](dx, dy, radius, turn)
    return np.clip(0.5 + stroke / 2 - distance, 0, 1)


def _painted(coverage, background, colour):
    """An image (3, height, width): the colour where it covers, the background elsewhere."""
    ground, paint = background[:, None, None], colour[:, None, None]
    return ground + coverage * (paint - ground)


def _to_circle(dx, dy, radius, turn):
    """Distance of each point (dx, dy) to the circle's line; turning a circle changes nothing."""
    return np.abs(np.sqrt(dx * dx + dy * dy) - radius)


def _to_cross(dx, dy, radius, turn):
    """Distance of each point (dx, dy) to the nearer of a cross's two lines."""
    cos, sin = math.cos(turn), math.sin(turn)
    u, v = np.abs(cos * dx + sin * dy), np.abs(cos * dy - sin * dx)     # as the cross sees it, one quarter for all
    along, across = np.maximum(u, v), np.minimum(u, v)
    beyond = np.maximum(along - radius, 0)                              # the end of the arm
    return np.sqrt(beyond * beyond + across * across)


def _to_path(dx, dy, radius, turn, corners, thick=0):
    """Distance of each point (dx, dy) to the straight lines from corner to corner, 1 being the radius.

    `thick` fills in what is nearer than so many radii.
    """
    cos, sin = radius * math.cos(turn), radius * math.sin(turn)
    turned = [(cos * x - sin * y, sin * x + cos * y) for x, y in corners]
    nearest = math.inf
    for (x, y), (next_x, next_y) in pairwise(turned):
        u, v = next_x - x, next_y - y
        along = np.clip(((dx - x) * u + (dy - y) * v) / (u * u + v * v), 0, 1)
        nearest = np.minimum(nearest, np.hypot(dx - x - along * u, dy - y - along * v))
    return np.maximum(nearest - thick * radius, 0)


def _around(*degrees):
    """Points on the circle of radius 1, at these angles."""
    return [(math.cos(math.radians(a)), math.sin(math.radians(a))) for a in degrees]


OUTLINES = [
    _to_cross,
    _to_circle,
    partial(_to_path, corners=_around(0, 180)),                         # a line
    partial(_to_path, corners=_around(0, 90, 180)),                     # a corner
    partial(_to_path, corners=_around(*range(0, 181, 20))),             # an arc, half of a circle
    partial(_to_path, corners=_around(0, 120, 240, 0)),                 # a triangle
    partial(_to_path, corners=_around(0, 90, 180, 270, 0)),             # a square
    partial(_to_path, corners=[(-0.4, 0), (0.4, 0)], thick=0.5),        # a blob
]


def _free_spot(areas, size, radius, rng):
    """(x, y, radius, stroke) of something that keeps out of all areas, to which its own is added; None: not found."""
    for _ in range(200):
        r = math.exp(rng.uniform(*np.log(radius)))
        stroke = max(STROKE[0], r * rng.uniform(0.1, 0.4))
        margin = r + stroke / 2 + 1                     # a pixel of background all around
        x, y = rng.uniform(margin, size - margin, 2).tolist()
        area = x - margin, y - margin, x + margin, y + margin
        if all(area[0] >= other[2] or area[2] <= other[0] or area[1] >= other[3] or area[3] <= other[1]
               for other in areas):
            areas.append(area)
            return x, y, r, stroke
    return None


def _add(image, kind, colour, x, y, radius, stroke, rng):
    """Paint one more thing into the image, and return its box."""
    margin = radius + stroke / 2 + 1
    left, top = int(x - margin), int(y - margin)
    part = image[:, top : int(y + margin) + 1, left : int(x + margin) + 1]
    down, across = (np.arange(length, dtype=np.float32) + np.float32(0.5) for length in part.shape[1:])
    turn = math.radians(rng.uniform(-15, 15) if kind in (CROSS, CIRCLE) else rng.uniform(0, 360))
    coverage = _coverage(kind, across - (x - left), down[:, None] - (y - top), radius, stroke, turn)
    part += coverage * (colour[:, None, None] - part)
    return np.add(_box(coverage > 0), (left, top, left, top))


def _box(touched):
    """(left, top, right, bottom) of the True pixels in (height, width)."""
    (rows,), (columns,) = touched.any(axis=1).nonzero(), touched.any(axis=0).nonzero()
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _colours(background, colour, warm, cool, rng):
    """Backgrounds and colours, float32 (n, 3) each; pairs too much alike are drawn again, unless both are given."""
    backgrounds, colours = np.empty((2, len(warm), 3), np.float32)
    if background is not None and colour is not None:
        backgrounds[:], colours[:] = background, colour
        return backgrounds, colours
    again = np.arange(len(warm))
    while len(again):
        backgrounds[again] = rng.random((len(again), 3), np.float32) if background is None else background
        colours[again] = rng.random((len(again), 3), np.float32) if colour is None else colour
        backgrounds[cool] = np.sort(backgrounds[cool])
        backgrounds[warm] = np.sort(backgrounds[warm])[:, ::-1]
        again = np.flatnonzero(_too_alike(backgrounds, colours))
    return backgrounds, colours


def _too_alike(background, colour):
    """Do they differ in luma by less than CONTRAST, but for float32's rounding? One pair, or rows of them."""
    return np.abs((colour - background) @ LUMA) < CONTRAST - 1e-7


# --- files

def _read(name):
    """The bytes of a file in data/, after comparing its checksum."""
    path = FOLDER / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `git checkout {name}` in its folder brings it back")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ValueError(f"{path} is damaged: its SHA-256 is not the one in cnnlib/data.py; "
                         f"`git checkout {name}` in its folder brings it back")
    return content


def _unpack_png(png):
    """uint8 (height, width, 3) from a PNG written by tools/make_data.py: 8-bit RGB, one data chunk, no row filters."""
    width, height = struct.unpack(">2I", png[16:24])
    (length,) = struct.unpack(">I", png[33:37])
    rows = np.frombuffer(zlib.decompress(png[41 : 41 + length]), np.uint8).reshape(height, 1 + 3 * width)
    return rows[:, 1:].reshape(height, width, 3)        # each row begins with its filter's number, 0


# --- what came in

def _whole(value, name, least):
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def _number(value, name, low, high):
    if not _real(value):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not low <= value <= high:                        # NaN fails too
        raise ValueError(f"{name} must be from {low} to {high}, got {value}")
    return float(value)


def _real(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _generator(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a random generator such as np.random.default_rng(0), got {rng!r}")


def _few_to_many(value, name):
    pair = np.asarray(value, object)
    if pair.shape != (2,):
        raise TypeError(f"{name} must be a pair (fewest, most), got {value!r}")
    fewest, most = (_whole(count, name, 0) for count in pair.tolist())
    if fewest > most:
        raise ValueError(f"{name} must be (fewest, most), got {value!r}")
    return fewest, most


def _radii(radius, size, strokes=0):
    """The pair as floats. The largest must fit, with a line `strokes` of it thick, or of STROKE's most."""
    pair = np.asarray(radius, object)
    if pair.shape != (2,) or not all(map(_real, pair)):
        raise TypeError(f"radius must be a pair (smallest, largest), got {radius!r}")
    smallest, largest = map(float, pair)
    fits = (size - 2) / (2 + strokes) if strokes else (size - STROKE[1]) / 2 - 1
    if not 3 <= smallest <= largest <= fits:
        raise ValueError(f"radius must be 3 <= smallest <= largest <= {fits} for size={size}, got {radius!r}")
    return smallest, largest


def _rgb(value, name):
    if value is None:
        return None
    rgb = np.asarray(value, object)
    if not all(map(_real, rgb.flat)):
        raise TypeError(f"{name} must be (red, green, blue) or None, got {value!r}")
    rgb = rgb.astype(np.float32)
    if rgb.shape != (3,) or not ((0 <= rgb) & (rgb <= 1)).all():
        raise ValueError(f"{name} must be (red, green, blue), each from 0 to 1, got {value!r}")
    return rgb
