"""Explorers, driven from Python: what they say and show is what the network computes."""

import io

import numpy as np
import pytest
import traitlets
from ipywidgets import IntSlider
from matplotlib.image import imread

from cnnlib import Adam, Conv2D, Flatten, Linear, Network, Recording, ReLU, train
from cnnlib.widgets import FilmExplorer


@pytest.fixture
def film(rng):
    net = Network((1, 6, 6), [Conv2D(2, 3), ReLU(), Flatten(), Linear(2)], seed=0)
    film = Recording(net)
    images = rng.standard_normal((16, 1, 6, 6)).astype(np.float32)
    list(film.watch(train(net, images, rng.integers(0, 2, 16), iterations=5, batch_size=8, optimizer=Adam(0.1))))
    film.images = images
    return film


@pytest.fixture
def explorer(film):
    return FilmExplorer(film, film.images[0])


@pytest.mark.parametrize("iteration", [0, 3, 5])
def test_film_shows_what_the_network_made_of_the_image_then(film, explorer, iteration):
    explorer.iteration = iteration
    film.rewind(iteration)
    maps = film.net.activations(film.images[:1])[1][0]
    np.testing.assert_array_equal(explorer.maps, maps)
    np.testing.assert_array_equal([ax.images[0].get_array() for ax in explorer.figure().axes[:2]], maps)
    lit = [f"{100 * np.count_nonzero(m) / m.size:.0f}%" for m in maps]
    assert explorer.text == (
        f"After {iteration} iterations: map 1 is {lit[0]} lit, its brightest {maps[0].max():.2f}; "
        f"map 2 is {lit[1]} lit, its brightest {maps[1].max():.2f}."
    )
    assert explorer.text in repr(explorer)


def test_film_redraws_when_the_slider_moves(explorer):
    slider = next(child for child in explorer.children if isinstance(child, IntSlider))
    before = imread(io.BytesIO(explorer.picture.value))
    slider.value = 4
    assert explorer.iteration == 4 and explorer.words.value == explorer.text
    assert (imread(io.BytesIO(explorer.picture.value)) != before).any()


def test_film_keeps_one_scale_all_through(explorer):
    scales = []
    for explorer.iteration in range(6):
        scales.append(explorer.figure().axes[0].images[0].get_clim())
    assert set(scales) == {(0, np.max(explorer.frames))}


def test_film_leaves_the_network_as_it_is(film):
    film.rewind(2)
    weights = film.net.weights
    FilmExplorer(film, film.images[0]).iteration = 5
    np.testing.assert_array_equal(film.net.weights, weights)


def test_film_refuses_a_moment_that_was_not_recorded(explorer):
    with pytest.raises(traitlets.TraitError, match="iteration must be 0 to 5, not 6"):
        explorer.iteration = 6
    assert explorer.iteration == 0
