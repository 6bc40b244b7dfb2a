"""TrainingLab, driven from Python: it trains as `train` does, and shows what the network was at each moment."""

import asyncio
import os
import signal
import threading

import numpy as np
import pytest
import traitlets
from ipywidgets import Button, ToggleButton

from cnnlib import SGD, Adam, Conv2D, Flatten, Layer, Linear, MaxPool2D, Network, ReLU, data, train
from cnnlib import softmax_cross_entropy as loss_of
from cnnlib.widgets import TrainingLab

SHAPE = (1, 6, 8)


def make_network(filters=2, size=3, stride=1, init="he", seed=0):
    conv = Conv2D(filters, size, stride, padding="valid", init=init)
    return Network(SHAPE, [conv, ReLU(), Flatten(), Linear(3), ReLU(), Linear(2)], seed)


@pytest.fixture
def images(rng):
    return rng.standard_normal((40, *SHAPE)).astype(np.float32)


@pytest.fixture
def labels(images):
    return (images[:, 0, :3].sum((1, 2)) > images[:, 0, 3:].sum((1, 2))).astype(np.int64)


@pytest.fixture
def lab(images, labels):
    return TrainingLab(make_network, (images, labels), batch_size=8, learning_rate=0.05)


def trained(images, labels, optimizer, iterations, **settings):
    """A network trained without a lab, and its steps."""
    net = make_network(**settings)
    return net, list(train(net, images, labels, iterations=iterations, batch_size=8, optimizer=optimizer))


def control(lab, description):
    """The control on the page with that label."""
    stack = [lab]
    while stack:
        widget = stack.pop()
        if getattr(widget, "description", None) == description:
            return widget
        stack += getattr(widget, "children", ())
    raise LookupError(description)


@pytest.mark.parametrize("settings, optimizer", [
    ({"optimizer": "Adam", "learning_rate": 0.05}, Adam(0.05)),
    ({"optimizer": "SGD", "learning_rate": 0.1, "momentum": 0.9}, SGD(0.1, 0.9)),
])  # fmt: skip
def test_trains_as_train_does_and_goes_on_from_any_moment_as_it_did_the_first_time(images, labels, settings, optimizer):
    lab = TrainingLab(make_network, (images, labels), batch_size=8, **settings)
    for n in (1, 6, 10):
        lab.run(n)
    net, steps = trained(images, labels, optimizer, 17)
    assert lab.steps == steps and lab.iteration == 17
    np.testing.assert_array_equal(lab.net.weights, net.weights)
    for moment in (11, 5, 0):  # 5 ends a pack of 40 images, 11 is within one
        lab.iteration = moment
        lab.run(17 - moment)
        assert lab.steps == steps
        np.testing.assert_array_equal(lab.net.weights, net.weights)


def test_scrubbing_takes_the_network_along_and_training_on_cuts_the_film(lab, images, labels):
    lab.run(9)
    lab.iteration = 4
    np.testing.assert_array_equal(lab.net.weights, trained(images, labels, Adam(0.05), 4)[0].weights)
    assert len(lab.film) == 9
    lab.step()
    assert lab.iteration == len(lab.film) == 5


def test_learning_rate_and_momentum_act_on_the_next_step(images, labels):
    lab = TrainingLab(make_network, (images, labels), batch_size=8, optimizer="SGD", learning_rate=0.1)
    lab.run(5)
    control(lab, "learning rate").value, control(lab, "momentum").value = 0.2, 0.5
    lab.run(5)
    net, optimizer = make_network(), SGD(0.1)
    for step in train(net, images, labels, iterations=10, batch_size=8, optimizer=optimizer):
        if step.iteration == 5:
            optimizer.learning_rate, optimizer.momentum = 0.2, 0.5
    np.testing.assert_array_equal(lab.net.weights, net.weights)


def test_reset_begins_from_the_same_weights_even_where_they_were_drawn_by_chance(images, labels):
    anything = np.random.default_rng()
    lab = TrainingLab(lambda: make_network(seed=anything.integers(1 << 30)), (images, labels), batch_size=8)
    start = lab.net.weights
    lab.run(7)
    steps = lab.steps
    assert (lab.net.weights != start).any()
    control(lab, "Reset").click()
    np.testing.assert_array_equal(lab.net.weights, start)
    assert (lab.iteration, len(lab.film), lab.norms) == (0, 0, {})
    lab.run(7)
    assert lab.steps == steps


def test_settings_wait_for_reset_once_something_is_trained(lab, images, labels):
    lab.filters = 4
    assert lab.net.layers[0].filters == 4  # nothing trained yet: at once
    lab.run(3)
    before = lab.net.weights
    changes = {"filters": 1, "size": 2, "stride": 2, "init": "zero_mean", "seed": 3, "batch": 10, "optimizer": "SGD"}
    for name, value in changes.items():
        control(lab, name).value = value
    np.testing.assert_array_equal(lab.net.weights, before)
    assert (
        "Reset will begin with optimizer SGD, batch 10, filters 1, size 2, stride 2, init zero_mean, seed 3."
        in lab.text
    )
    lab.reset()
    assert "Reset will" not in lab.text
    lab.run(4)
    net = make_network(1, 2, 2, "zero_mean", 3)
    list(train(net, images, labels, iterations=4, batch_size=10, optimizer=SGD(0.05), seed=3))
    np.testing.assert_array_equal(lab.net.weights, net.weights)


def test_a_setting_that_does_not_fit_is_told_in_red_and_changes_nothing(lab):
    lab.run(3)
    net, text = lab.net, lab.text
    lab.size = 7
    lab.reset()
    assert lab.net is net and lab.iteration == 3 and text in lab.text
    assert "#d32f2f" in lab.words.value
    assert "a window of size 7 does not fit into 6 x 8 pixels: at most 6 would" in lab.words.value
    lab.size = 6
    lab.reset()
    assert lab.net.layers[0].size == 6 and "#d32f2f" not in lab.words.value


def test_norms_are_those_of_the_gradient_of_that_mini_batch(lab, images, labels):
    lab.run(3)
    order = np.random.default_rng(0).permutation(40)
    for k in (1, 2, 3):
        net, batch = make_network(), order[8 * k - 8 : 8 * k]
        lab.iteration = k - 1
        net.weights = lab.net.weights
        net.backward(loss_of(net.forward(images[batch]), labels[batch])[1])
        lab.iteration = k
        for i in (0, 3, 5):
            squares = sum(float(g) ** 2 for grad in net.layers[i].grads.values() for g in grad.flat)
            assert lab.norms[i] == pytest.approx(squares**0.5, rel=1e-4)
    assert lab.norms.keys() == {0, 3, 5}


def test_dead_are_maps_and_numbers_that_no_image_of_the_probe_lights(lab, images):
    lab.net.layers[0].params["b"][1] = -100
    lab.net.layers[3].params["b"][:] = 50, -500, 50
    lab.film.weights[0] = lab.net.weights
    assert lab.dead == {1: 0.5, 4: pytest.approx(1 / 3)}
    lab.show()
    assert "Dead maps: 1 of 2 in layer 1, 1 of 3 in layer 4." in lab.text and "1 of 3" in lab.table.value
    for i, share in lab.dead.items():
        alive = {m for y in lab.net.activations(images[:32])[i] for m, values in enumerate(y) if np.max(values) > 0}
        assert share == pytest.approx(1 - len(alive) / lab.net.out_shapes[i][0])


def test_text_says_what_is_shown_in_numbers(lab):
    assert lab.text == "Before the first step. Dead maps: 0 of 2 in layer 1, 0 of 3 in layer 4."
    lab.run(30)
    lab.iteration = 25
    loss = np.mean([step.loss for step in lab.steps[5:25]])
    right = np.mean([step.accuracy for step in lab.steps[5:25]])
    dead = [f"{round(lab.dead[i] * n)} of {n} in layer {i}" for i, n in ((1, 2), (4, 3))]
    told = ", ".join(f"layer {i} {lab.norms[i]:.2g}" for i in (0, 3, 5))
    assert lab.text == (
        f"After 25 of 300 iterations: loss {loss:.2f} and {right:.0%} right, over the last 20 mini-batches. "
        f"Gradients: {told}. Dead maps: {', '.join(dead)}."
    )
    assert repr(lab) == f"TrainingLab: {lab.text}" and lab.text in lab.words.value


def test_tiles_show_filters_and_maps_of_that_moment_on_one_scale(lab, images):
    lab.image = 3
    lab.run(6)
    for moment in (6, 2):
        lab.iteration = moment
        w, maps = lab.net.layers[0].params["w"], lab.net.activations(images[3:4])[1][0]
        np.testing.assert_array_equal(lab.maps_shown.arrays, maps)
        np.testing.assert_array_equal(lab.filters_shown.arrays, w[:, 0])
        assert lab.filters_shown.signed and not lab.maps_shown.signed
        assert lab.maps_shown.largest >= maps.max()
    sure = lab.net.probabilities(images[3:4])[0, lab.data[1][3]]
    assert lab.picture.captions == [f"image 3, class {lab.data[1][3]}: {sure:.0%} sure"]


def test_held_out_images_are_all_looked_at_every_50_iterations(rng, images, labels):
    others, truth = images[::-1] + 0.1, labels[::-1].copy()
    lab = TrainingLab(make_network, (images, labels), (others, truth), batch_size=8)
    lab.run(60)
    for k in (0, 50):
        lab.iteration = k
        right = np.mean(lab.net.predict(others) == truth)
        assert f"Of 40 held-out images it gets {right:.0%} right" in lab.text
    np.testing.assert_array_equal(lab.maps_shown.arrays, lab.net.activations(others[:1])[1][0])


def test_a_twin_starts_from_the_same_weights_and_names_the_one_difference(lab, images):
    lab.run(12)
    start, first, end = lab.film.weights[0], lab.film, lab.net.weights
    control(lab, "Twin").value = True
    assert lab.first.film is first and (lab.iteration, len(lab.film)) == (0, 0)
    np.testing.assert_array_equal(lab.net.weights, start)
    lab.learning_rate = 0.2
    lab.run(8)
    assert lab.differences == {"learning_rate": ("0.05", "0.20")}
    loss = np.mean([step.loss for step in first.steps[:8]])
    right = np.mean([step.accuracy for step in first.steps[:8]])
    assert (
        f"The first run, with learning rate 0.05, after 8: "
        f"loss {loss:.2f} and {right:.0%} right, over the last 8 mini-batches." in lab.text
    )
    then = make_network()
    then.weights = first.weights[8]
    np.testing.assert_array_equal(lab.maps_before.arrays, then.activations(images[:1])[1][0])
    assert lab.maps_before.largest == lab.maps_shown.largest
    np.testing.assert_array_equal(lab.first.film.weights[-1], end)
    assert "learning rate 0.05" in lab.key.value and "learning rate 0.20" in lab.key.value

    lab.reset()
    assert lab.first.film is first  # it stays to compare with
    lab.optimizer, lab.momentum = "SGD", 0.5
    lab.run(2)
    assert lab.differences.keys() == {"optimizer", "learning_rate"}
    assert "More than one setting is changed" in lab.text
    lab.twin = False
    assert lab.first is None and len(lab.maps_before.arrays) == 0 and "first run" not in lab.text


def test_a_rate_turned_on_the_way_is_named_as_a_difference(lab):
    lab.run(4)
    lab.twin = True
    assert lab.differences == {}
    assert "The first run, with the same settings, after 0: not begun." in lab.text
    lab.run(2)
    lab.learning_rate = 0.01
    lab.run(2)
    assert lab.differences == {"learning_rate": ("0.05", "0.05, then 0.01")}


def test_a_twin_of_another_size_has_maps_of_its_own(lab):
    lab.run(2)
    lab.filters = 3
    lab.twin = True
    assert (len(lab.maps_before.arrays), len(lab.maps_shown.arrays)) == (2, 3)
    assert lab.differences == {"filters": (2, 3)}
    assert lab.figure() is not None


def test_a_twin_needs_a_run_and_settings_that_fit(lab):
    with pytest.raises(traitlets.TraitError, match="twin must be False until something is trained"):
        lab.twin = True
    assert control(lab, "Twin").disabled
    lab.run(1)
    lab.stride, lab.size = 4, 9
    lab.twin = True
    assert not lab.twin and lab.first is None and "does not fit" in lab.words.value and lab.iteration == 1


def test_training_that_diverges_stops_in_red_and_the_film_stays(images, labels):
    def straight():
        return Network(SHAPE, [Conv2D(2, 3), Flatten(), Linear(2)])

    lab = TrainingLab(straight, (images * 1e4, labels), batch_size=8, optimizer="SGD", learning_rate=10)
    lab.run(100)
    assert 0 < len(lab.film) < 100
    assert f"Training has stopped at iteration {len(lab.film) + 1}: the loss is" in lab.words.value
    assert "#d32f2f" in lab.words.value and "smaller learning rate" in lab.words.value
    assert np.isfinite(lab.net.weights).all()
    np.testing.assert_array_equal(lab.net.weights, lab.film.weights[-1])
    lab.iteration = 0
    assert "#d32f2f" not in lab.words.value


def test_a_step_to_weights_that_are_no_numbers_is_taken_back(images, labels):
    def blank():
        return Network(SHAPE, [Flatten(), Linear(2, init="zeros")])

    lab = TrainingLab(blank, (np.full_like(images, 1e38), labels * 0), optimizer="SGD", learning_rate=10)
    lab.run(3)
    assert "iteration 1: too large a step" in lab.words.value
    assert len(lab.film) == 0 and not lab.net.weights.any()


@pytest.mark.parametrize("where", ["forward", "update"])
def test_an_interrupted_step_leaves_everything_as_it_was_before_it(lab, images, labels, monkeypatch, where):
    lab.run(5)
    before = lab.net.weights

    def interrupted(self, *args):
        if where == "update":
            args[0][0].params["w"] += 1  # some layers are changed, others not yet
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*{"forward": (Linear, "forward"), "update": (Adam, "step")}[where], interrupted)
        with pytest.raises(KeyboardInterrupt):
            lab.current.step(0.05, 0)
    np.testing.assert_array_equal(lab.net.weights, before)
    assert lab.iteration == len(lab.film) == 5
    lab.run(5)
    net, steps = trained(images, labels, Adam(0.05), 10)
    np.testing.assert_array_equal(lab.net.weights, net.weights)
    assert lab.steps == steps


# In the background


def in_background(work):
    asyncio.run(asyncio.wait_for(work(), 20))


async def until(happens):
    while not happens():
        await asyncio.sleep(0.001)


def test_plays_in_the_background_answers_meanwhile_and_pauses_at_once(lab, images, labels):
    async def work():
        play = control(lab, "Play")
        play.value = True
        assert lab.playing and play.description == "Pause"
        await until(lambda: lab.iteration >= 20)
        lab.learning_rate = 0.001
        await until(lambda: lab.iteration >= 40)
        assert lab.current.rates[-1] == (0.001, 0)
        play.value = False
        at = len(lab.film)
        await asyncio.sleep(0.05)
        assert len(lab.film) == lab.iteration == at and play.description == "Play"
        assert lab.speed == 0

    in_background(work)


def test_plays_to_the_end_and_then_as_far_again(lab, images, labels):
    async def work():
        lab.iterations, lab.stretch = 30, 30
        for end in (30, 60):
            lab.playing = True
            await until(lambda: not lab.playing)
            assert lab.iteration == lab.iterations == end

    in_background(work)
    np.testing.assert_array_equal(lab.net.weights, trained(images, labels, Adam(0.05), 60)[0].weights)


def test_scrubbing_reset_and_run_pause_what_plays(lab):
    async def work():
        lab.playing = True
        await until(lambda: lab.scrubber.max >= 10)
        lab.scrubber.value = 3
        assert not lab.playing and lab.iteration == 3
        await asyncio.sleep(0.02)
        assert lab.iteration == 3 and len(lab.film) >= 10
        lab.playing = True
        await until(lambda: lab.iteration >= 8)
        lab.reset()
        assert not lab.playing and lab.iteration == 0
        await asyncio.sleep(0.02)
        assert (lab.iteration, len(lab.film)) == (0, 0)
        lab.playing = True
        await until(lambda: lab.iteration >= 5)
        lab.playing = False
        lab.playing = True  # before the first task has noticed
        await until(lambda: lab.iteration >= 20)
        lab.run(2)
        assert not lab.playing and lab.iteration == len(lab.film)
        at = lab.iteration
        await asyncio.sleep(0.02)
        assert lab.iteration == at

    in_background(work)


def test_a_hand_on_its_way_sees_the_maps_at_once_and_the_words_when_it_rests(lab, images):
    async def work():
        lab.run(9)
        for moment in (5, 4, 3):
            lab.scrubber.value = moment
            np.testing.assert_array_equal(lab.maps_shown.arrays, lab.net.activations(images[:1])[1][0])
        assert "After 9 of 300" in lab.words.value
        await until(lambda: "After 3 of 300" in lab.words.value)
        assert lab.text in lab.words.value

    in_background(work)


def test_whatever_thread_the_hand_comes_in_by_one_thread_trains(images, labels):
    """JupyterLab sends what the hand does to a subshell of the kernel, which is a thread of its own."""

    async def work():
        lab = TrainingLab(make_network, (images, labels), batch_size=8)
        threads = set()
        lab.observe(lambda change: threads.add(threading.get_ident()), ["iteration", "learning_rate", "playing"])

        async def from_the_page(act, *args):
            await asyncio.to_thread(act, *args)

        await from_the_page(setattr, control(lab, "Play"), "value", True)
        await until(lambda: lab.scrubber.max >= 5)
        await from_the_page(setattr, control(lab, "learning rate"), "value", 0.3)
        await until(lambda: lab.learning_rate == 0.3)
        await from_the_page(setattr, lab.scrubber, "value", 2)
        await until(lambda: not lab.playing)
        assert lab.iteration == 2
        await from_the_page(control(lab, "Step").click)
        await until(lambda: lab.iteration == 3)
        await from_the_page(control(lab, "Reset").click)
        await until(lambda: lab.iteration == 0)
        assert threads == {threading.get_ident()}

    in_background(work)


def test_interrupting_the_kernel_between_cells_pauses(lab):
    async def work():
        lab.playing = True
        await until(lambda: lab.iteration >= 3)
        os.kill(os.getpid(), signal.SIGINT)
        await until(lambda: not lab.playing)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a kernel that runs no cell
    try:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asyncio.wait_for(work(), 20))
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    lab.run(3)
    assert lab.iteration == len(lab.film)


def test_an_error_in_a_layer_of_the_readers_own_is_told(images, labels):
    class Moody(Layer):
        def forward(self, x):
            if lab and len(lab.film) == 4:
                raise RuntimeError("not today")
            return x

        def backward(self, dy):
            return dy

    lab = None
    lab = TrainingLab(lambda: Network(SHAPE, [Moody(), Flatten(), Linear(2)]), (images, labels), batch_size=8)

    async def work():
        lab.playing = True
        await until(lambda: not lab.playing)
        assert "RuntimeError: not today" in lab.problem

    in_background(work)


def test_outside_of_a_notebook_nothing_plays(lab):
    with pytest.raises(traitlets.TraitError, match="take run"):
        lab.playing = True
    assert not lab.playing


# Whatever a reader brings


def test_takes_shapes_as_they_are_drawn_and_numbers_of_any_type(rng):
    shapes = data.crosses_and_circles(12, rng, size=32, radius=(4, 8))
    net = Network((3, 32, 32), [Conv2D(2, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)])
    for given in (
        shapes,
        (shapes.images.astype(np.float64), list(shapes.labels)),
        ((shapes.images * 255).astype(int), shapes.labels.astype(np.int8)),
    ):
        lab = TrainingLab(lambda: net, given)
        assert lab.batch_size == 12
        lab.run(2)
        assert lab.filters_shown.sizes == [[3, 9]] * 2 and len(lab.filters_shown.boxes) == 6
        assert lab.picture.sizes == [[32, 32]] and lab.net is net


@pytest.mark.parametrize("shape", [(1, 5, 9), (2, 8, 8), (3, 256, 256), (1, 28, 28)])
def test_takes_images_of_any_shape(rng, shape):
    net = Network(shape, [Conv2D(3, 3, stride=2), MaxPool2D(2), Flatten(), Linear(2)])
    images = rng.random((4, *shape), dtype=np.float32)
    images[0] = 0.5  # constant
    lab = TrainingLab(lambda: net, (images, np.array([0, 1, 1, 0])), batch_size=2)
    lab.run(2)
    np.testing.assert_array_equal(lab.maps_shown.arrays, net.activations(images[:1])[0][0])
    assert lab.dead == {} and "Dead" not in lab.text


def test_without_a_convolution_there_are_no_filters(images, labels):
    lab = TrainingLab(lambda: Network(SHAPE, [Flatten(), Linear(2)]), (images, labels))
    lab.run(2)
    assert lab.filters_shown.layout.display == lab.maps_shown.layout.display == "none"
    assert lab.figure() is not None


def test_images_that_are_not_numbers_stop_it_and_are_grey(images, labels):
    images[:, 0, 0, 0] = np.nan
    lab = TrainingLab(make_network, (images, labels), batch_size=8)
    lab.run(3)
    assert "The images hold numbers that are not finite." in lab.words.value and len(lab.film) == 0
    assert lab.picture.colours(lab.picture.arrays[0])[0, 0].tolist() == [128, 128, 128, 255]
    assert lab.picture.captions == [f"image 0, class {labels[0]}: no answer"]


def test_offers_what_make_network_takes(images, labels):
    lab = TrainingLab(lambda size, filters=20: make_network(filters, size), (images, labels), size=2)
    assert (lab.filters, lab.size, lab.net.layers[0].filters) == (20, 2, 20)
    assert control(lab, "filters").max == 20
    for missing in ("stride", "init"):
        with pytest.raises(LookupError):
            control(lab, missing)
    with pytest.raises(traitlets.TraitError, match="make_network does not take stride"):
        lab.stride = 2
    assert TrainingLab(lambda **settings: make_network(**settings), (images, labels)).net.layers[0].filters == 5


@pytest.mark.parametrize("name, value, told", [
    ("learning_rate", 11, "learning_rate must be 0.0001 to 10, not 11"),
    ("learning_rate", float("nan"), "learning_rate must be"),
    ("momentum", 1, "momentum must be 0 to 0.99, not 1"),
    ("filters", 0, "filters must be 1 to 16, not 0"),
    ("stride", 5, "stride must be 1 to 4, not 5"),
    ("batch_size", 41, "batch_size must be 1 to 40, not 41"),
    ("image", 40, "image must be 0 to 39, not 40"),
    ("iterations", 0, "iterations must be at least 1, not 0"),
    ("seed", -1, "seed must be at least 0, not -1"),
    ("iteration", 1, "iteration must be 0 to 0, as recorded so far, not 1"),
    ("init", "hope", "init"),
    ("optimizer", "Hope", "optimizer"),
    ("size", "three", "size"),
])  # fmt: skip
def test_refuses_what_cannot_be(lab, name, value, told):
    before = getattr(lab, name)
    with pytest.raises(traitlets.TraitError, match=told):
        setattr(lab, name, value)
    assert getattr(lab, name) == before


def test_refuses_a_network_and_data_that_do_not_fit(images, labels):
    for wrong, kind, told in [
        ((lambda kernels: None, (images, labels)), TypeError, "'kernels' needs a default"),
        ((lambda: "net", (images, labels)), TypeError, "must return a Network, not 'net'"),
        ((make_network, images), TypeError, r"data must be \(images, labels\)"),
        ((make_network, (images[:, :, :5], labels)), ValueError, "images must be"),
        ((make_network, (images, labels + 1)), ValueError, "labels must be 0 to 1"),
        ((make_network, (images, labels), (images, labels[:5])), ValueError, "labels must be a row of 40"),
    ]:
        with pytest.raises(kind, match=told):
            TrainingLab(*wrong)
    with pytest.raises(TypeError, match="not colour"):
        TrainingLab(make_network, (images, labels), colour=3)
    with pytest.raises(ValueError, match="iterations must be a whole number"):
        TrainingLab(make_network, (images, labels)).run(0)


def test_every_button_and_control_has_a_name(lab):
    buttons = [control(lab, name) for name in ("Play", "Step", "Reset", "Twin")]
    assert all(isinstance(button, Button | ToggleButton) for button in buttons)
    control(lab, "Step").click()
    assert lab.iteration == 1 and lab.scrubber.max == 1 and not control(lab, "Twin").disabled
    assert control(lab, "momentum").disabled  # Adam has none
    lab.optimizer = "SGD"
    assert not control(lab, "momentum").disabled


def test_two_labs_do_not_share_anything(images, labels):
    one, other = (TrainingLab(make_network, (images, labels), batch_size=8) for _ in range(2))
    one.run(3)
    assert (one.iteration, other.iteration) == (3, 0)
    assert (one.net.weights != other.net.weights).any()
