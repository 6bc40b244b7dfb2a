"""Explorers, driven from Python: what they say and show is what the network computes."""

import numpy as np
import pytest
import traitlets
from ipywidgets import IntSlider
from matplotlib import colormaps

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
    np.testing.assert_array_equal(explorer.sheet.arrays, maps)
    drawn = [ax.images[0].get_array() for ax in explorer.figure().axes]
    expected = colormaps["magma"](maps / np.max(explorer.frames), bytes=True)
    np.testing.assert_allclose(np.float32(drawn), expected, atol=3)
    lit = [f"{100 * np.count_nonzero(m) / m.size:.0f}%" for m in maps]
    assert explorer.text == (
        f"After {iteration} iterations: map 0 is {lit[0]} lit, its brightest {maps[0].max():.2f}; "
        f"map 1 is {lit[1]} lit, its brightest {maps[1].max():.2f}."
    )
    assert explorer.text in repr(explorer)


def test_film_redraws_when_the_slider_moves(explorer):
    slider = next(child for child in explorer.children if isinstance(child, IntSlider))
    before = explorer.sheet.pixels
    slider.value = 4
    assert explorer.iteration == 4 and explorer.text in explorer.words.value
    assert len(explorer.sheet.pixels) == len(before) and explorer.sheet.pixels != before


def test_film_keeps_one_scale_all_through(explorer):
    scales = []
    for moment in range(6):
        explorer.iteration = moment
        scales.append((explorer.sheet.signed, explorer.sheet.largest, explorer.sheet.legend[1]))
    assert {(signed, largest) for signed, largest, _ in scales} == {(False, float(np.max(explorer.frames)))}
    assert len({legend for *_, legend in scales}) == 1


def test_film_of_maps_with_signs_is_centred_on_zero(film):
    film.rewind(5)
    explorer = FilmExplorer(film, film.images[0].astype(np.float64), layer=0)
    assert explorer.sheet.signed and explorer.sheet.largest == np.abs(explorer.frames).max()
    explorer.iteration = 5
    np.testing.assert_array_equal(explorer.sheet.arrays, film.net.activations(film.images[:1])[0][0])


@pytest.mark.parametrize("layer", [2, 3, 4, -1])
def test_film_refuses_a_layer_that_makes_no_maps(film, layer):
    with pytest.raises(ValueError, match=f"layer must be the number of one that makes maps, not {layer}"):
        FilmExplorer(film, film.images[0], layer)


def test_film_leaves_the_network_as_it_is(film):
    film.rewind(2)
    weights = film.net.weights
    FilmExplorer(film, film.images[0]).iteration = 5
    np.testing.assert_array_equal(film.net.weights, weights)


def test_film_refuses_a_moment_that_was_not_recorded(explorer):
    with pytest.raises(traitlets.TraitError, match="iteration must be 0 to 5, not 6"):
        explorer.iteration = 6
    assert explorer.iteration == 0
