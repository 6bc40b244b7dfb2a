"""Draw a few dozen small cases and store PyTorch's answers to them in results.npz, which says what versions made it.

Run by hand, where the extra `oracle` is installed, when its versions or the cases change:

    cd tests && ../.venv/bin/python -m oracle.make_results

It draws the same cases each time. The file in the repository was made with PyTorch 2.13.0 and Captum 0.9.0.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np

from oracle import cases, in_pytorch

KINDS = {cases.convolution: 24, cases.pool: 24, cases.linear: 6, cases.loss: 6, cases.relu: 2, cases.explanation: 24}


def main():
    rng = np.random.default_rng(0)

    def whole(least, most):
        return int(rng.integers(least, most, endpoint=True))

    drawn = [kind(whole) for kind, times in KINDS.items() for _ in range(times)]
    path = Path(__file__).with_name("results.npz")
    made_with = [f"{package}=={version(package).split('+')[0]}" for package in ("torch", "captum")]
    cases.save(path, drawn, map(in_pytorch.answer, drawn), made_with)
    print(f"{path.name}: {len(drawn)} cases, {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
