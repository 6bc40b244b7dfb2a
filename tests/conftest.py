import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def says(capsys):
    """Call a check with a function and return the one line that it prints."""

    def says(check, function):
        check(function)
        (line,) = capsys.readouterr().out.splitlines()
        return line

    return says
