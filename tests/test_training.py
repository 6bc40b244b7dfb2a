"""Training goes downhill, by the step that was worked out by hand, and the same way every time."""

import itertools
import math
import re
import tracemalloc

import numpy as np
import pytest

from cnnlib import (
    SGD,
    Adam,
    Conv2D,
    Flatten,
    Layer,
    Linear,
    MaxPool2D,
    Network,
    Recording,
    ReLU,
    Step,
    gradcheck,
    softmax_cross_entropy,
    train,
    training,
)


def network(seed=0):
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]
    return Network((1, 8, 8), layers, seed)


def brighter_half(n, seed=0):
    """A task that is learned in a moment: which half of the image is the brighter, left (0) or right (1)?"""
    rng = np.random.default_rng(seed)
    images, labels = rng.random((n, 1, 8, 8), np.float32), rng.integers(0, 2, n)
    images[labels == 0, ..., :4] += 0.7
    images[labels == 1, ..., 4:] += 0.7
    return images, labels


IMAGES, LABELS = brighter_half(60)


def run(net, *, images=IMAGES, labels=LABELS, iterations=5, **how):
    """Train to the end; returns the steps."""
    return list(train(net, images, labels, iterations=iterations, **how))


# How wrong: softmax cross-entropy


@pytest.mark.parametrize("n, classes, scale", [(1, 2, 1), (5, 3, 1), (4, 10, 30), (7, 1, 1)])
def test_loss_is_minus_the_log_of_the_right_probability(n, classes, scale):
    rng = np.random.default_rng(0)
    logits, labels = scale * rng.standard_normal((n, classes)), rng.integers(0, classes, n)
    losses = [-math.log(math.exp(row[k]) / sum(map(math.exp, row))) for row, k in zip(logits, labels)]
    loss, dlogits = softmax_cross_entropy(logits, labels)
    assert loss == pytest.approx(sum(losses) / n, abs=1e-12)
    numerical = gradcheck.numerical_gradient(lambda z: softmax_cross_entropy(z, labels)[0], logits)
    np.testing.assert_allclose(dlogits, numerical, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_loss_of_a_network_that_has_no_idea_is_log_of_the_classes(classes):
    loss, _ = softmax_cross_entropy(np.zeros((4, classes), np.float32), np.zeros(4, int))
    assert loss == pytest.approx(math.log(classes))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_of_the_surest_logits_is_what_it_should_be(dtype):
    logits = np.array([[1000, -1000], [1000, -1000], [-1000, -1000]], dtype)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 1, 1]))
    assert loss == pytest.approx((0 + 2000 + math.log(2)) / 3)
    np.testing.assert_allclose(dlogits, np.array([[0, 0], [1, -1], [0.5, -0.5]]) / 3, rtol=1e-6)
    assert dlogits.dtype == dtype and type(loss) is float


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_of_any_whole_type_are_fine_and_keep_float32(dtype):
    logits = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 2, 1, 1], dtype))
    assert dlogits.dtype == np.float32
    assert loss == softmax_cross_entropy(logits, np.array([0, 2, 1, 1]))[0]


each_bad_labels = pytest.mark.parametrize("labels, error, told", [
    (LABELS.astype(float), TypeError, "whole numbers, not float64"),
    (LABELS > 0, TypeError, "whole numbers, not bool"),
    (LABELS.tolist(), TypeError, "list"),
    (LABELS[:-1], ValueError, "a row of 60, one for each image, not of shape (59,)"),
    (LABELS[:, None], ValueError, "a row of 60, one for each image, not of shape (60, 1)"),
    (np.eye(2, dtype=int)[LABELS], ValueError, "a row of 60, one for each image, not of shape (60, 2)"),
    (LABELS + 1, ValueError, "0 to 1, not 1 to 2"),
    (LABELS - 1, ValueError, "0 to 1, not -1 to 0"),
], ids=["float", "bool", "list", "too few", "column", "one-hot", "too large", "negative"])  # fmt: skip


@each_bad_labels
def test_bad_labels_are_refused(labels, error, told):
    with pytest.raises(error, match=re.escape(told)):
        softmax_cross_entropy(np.zeros((60, 2), np.float32), labels)


@pytest.mark.parametrize("logits, error, told", [
    ([[0.0, 1.0]], TypeError, "logits must be an array, not a list"),
    (np.zeros(2), ValueError, "logits must be (n, classes), n at least 1, not (2,)"),
    (np.zeros((2, 3, 1, 1)), ValueError, "logits must be (n, classes), n at least 1, not (2, 3, 1, 1)"),
    (np.zeros((0, 2)), ValueError, "logits must be (n, classes), n at least 1, not (0, 2)"),
], ids=["list", "one image", "maps", "no image"])  # fmt: skip
def test_bad_logits_are_refused(logits, error, told):
    with pytest.raises(error, match=re.escape(told)):
        softmax_cross_entropy(logits, np.zeros(len(logits), int))


# Which way: the optimizers


def brick(**params):
    layer = Layer()
    layer.params = {name: np.array(p, np.float32) for name, p in params.items()}
    return layer


def descend(optimizer, gradients, layer):
    """The weight after each of the gradients."""
    for gradient in gradients:
        layer.grads = {"w": np.full_like(layer.params["w"], gradient)}
        optimizer.step([layer])
        yield layer.params["w"].item()


def test_sgd_steps_by_the_learning_rate_times_the_gradient():
    assert list(descend(SGD(0.5), [1, 2, -4], brick(w=10))) == [9.5, 8.5, 10.5]


def test_momentum_keeps_half_of_the_last_step():
    # steps: 1, then 1 + 1/2, then 1 + 3/4, then 0 + 7/8
    assert list(descend(SGD(1, momentum=0.5), [1, 1, 1, 0], brick(w=0))) == [-1, -2.5, -4.25, -5.125]


def test_adam_is_algorithm_1_of_its_paper():
    gradients, learning_rate, beta1, beta2, epsilon = [3, -1, 0.5, 0, 1e-3, 20], 0.01, 0.8, 0.95, 1e-4
    theta, m, v, expected = 1.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta -= learning_rate * m_hat / (math.sqrt(v_hat) + epsilon)
        expected.append(theta)
    adam = Adam(learning_rate, beta1, beta2, epsilon)
    assert list(descend(adam, gradients, brick(w=1))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("gradient", [1e-3, 1, 1e3])
def test_adams_first_step_is_the_learning_rate_whatever_the_gradient(gradient):
    assert next(descend(Adam(0.5), [gradient], brick(w=0))) == pytest.approx(-0.5, rel=1e-4)


OPTIMIZERS = {"SGD": SGD, "momentum": lambda rate: SGD(rate, momentum=0.9), "Adam": Adam}
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


@each_optimizer
def test_weights_are_changed_in_place(optimizer):
    layer, optimizer = brick(w=[1, 2], b=[3]), optimizer(0.1)
    held = dict(layer.params)
    layer.grads = {name: np.ones_like(p) for name, p in layer.params.items()}
    optimizer.step([layer])
    assert all(layer.params[name] is held[name] for name in held)
    assert (held["w"] < [1, 2]).all() and held["b"] < 3


@each_optimizer
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.array])
def test_a_learning_rate_of_numpys_does_as_a_plain_one(optimizer, kind):
    """To the last bit: NumPy's float64 would turn float32 sums into float64 ones, slower and a little different."""
    w, dw = np.random.default_rng(0).standard_normal((2, 1000))
    layers = [brick(w=w), brick(w=w)]
    for layer, rate in zip(layers, [0.1, kind(0.1)]):
        rule = optimizer(1)
        rule.learning_rate = rate
        layer.grads = {"w": dw.astype(np.float32)}
        rule.step([layer])
    np.testing.assert_array_equal(layers[0].params["w"], layers[1].params["w"])
    assert layers[1].params["w"].dtype == np.float32


@each_optimizer
def test_each_weight_has_a_memory_of_its_own(optimizer):
    """Two layers with weights of the same name, and a network that came later, are not mixed up."""
    gradients = [[1, 2, 3], [-5, 0, 1]]
    alone = [list(descend(optimizer(0.1), g, brick(w=0))) for g in gradients]
    shared, layers = optimizer(0.1), [brick(w=0), brick(w=0)]
    in_turn = [descend(shared, g, layer) for g, layer in zip(gradients, layers)]
    assert [list(pair) for pair in zip(*in_turn)] == [list(pair) for pair in zip(*alone)]
    assert list(descend(shared, gradients[0], brick(w=0))) == alone[0]


@each_optimizer
def test_an_optimizer_carries_nothing_over_to_another_network(optimizer):
    used, fresh = optimizer(0.05), optimizer(0.05)
    run(network(), optimizer=used)
    one, other = network(seed=1), network(seed=1)
    assert run(one, optimizer=used) == run(other, optimizer=fresh)
    np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize("kind, arguments, told", [
    *((kind, {"learning_rate": value}, f"learning_rate .* not {re.escape(repr(value))}")
      for kind, value in itertools.product([SGD, Adam], [-0.1, math.inf, math.nan, "0.1", None, [0.1], True])),
    (SGD, {"learning_rate": np.True_}, "learning_rate .* not True"),
    (SGD, {"momentum": -0.5}, "momentum .* not -0.5"),
    (SGD, {"momentum": 1}, "momentum .* below 1, not 1"),
    (SGD, {"momentum": 5}, "momentum .* below 1, not 5"),
    (SGD, {"momentum": None}, "momentum .* not None"),
    (Adam, {"beta1": 1}, "beta1 .* not 1"),
    (Adam, {"beta1": -0.1}, "beta1 .* not -0.1"),
    (Adam, {"beta2": 1.5}, "beta2 .* not 1.5"),
    (Adam, {"epsilon": -1e-8}, "epsilon .* not -1e-08"),
    (Adam, {"epsilon": 0}, "epsilon .* not 0"),
    (Adam, {"epsilon": 1e-50}, "epsilon .* not 1e-50"),
], ids=str)  # fmt: skip
def test_bad_settings_of_an_optimizer_are_refused_by_name(kind, arguments, told):
    with pytest.raises(ValueError, match=told):
        kind(**arguments)


@each_optimizer
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "0.1", None, True, np.array([0.1])], ids=repr)
def test_a_bad_learning_rate_is_refused_between_steps_too(optimizer, value):
    optimizer = optimizer(0.1)
    with pytest.raises(ValueError, match=f"learning_rate .* not {re.escape(repr(value))}"):
        optimizer.learning_rate = value
    assert optimizer.learning_rate == 0.1


@pytest.mark.parametrize("epsilon", [1e-8, 1e-30])
def test_adam_stays_where_there_is_no_slope(epsilon):
    assert list(descend(Adam(0.1, epsilon=epsilon), [0, 0], brick(w=2))) == [2, 2]


# Again and again: train


@pytest.mark.parametrize("batch_size", [1, 7, 8, 9, 20])
def test_one_update_is_that_of_the_whole_batch_at_once(batch_size):
    net, by_hand = network(), network()
    images, labels = IMAGES[:batch_size], LABELS[:batch_size]
    (step,) = run(net, images=images, labels=labels, iterations=1, batch_size=batch_size, optimizer=SGD(0.3))

    logits = by_hand.forward(images)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    by_hand.backward(dlogits)
    gradients = np.concatenate([layer.grads[name].ravel() for layer in by_hand.layers for name in layer.params])

    assert step.iteration == 1
    assert step.loss == pytest.approx(loss, rel=1e-5)
    assert step.accuracy == pytest.approx((logits.argmax(axis=1) == labels).mean())
    np.testing.assert_allclose(net.weights, by_hand.weights - 0.3 * gradients, rtol=1e-5, atol=1e-6)
    kept = np.concatenate([layer.grads[name].ravel() for layer in net.layers for name in layer.params])
    np.testing.assert_allclose(kept, gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cores", [1, 2, 4])
@each_optimizer
def test_the_number_of_cores_changes_not_a_bit(optimizer, cores, monkeypatch):
    def weights_and_steps(cores):
        monkeypatch.setattr(training, "CORES", cores)
        monkeypatch.setattr(training, "micro_batches", lambda net, batch_size: 7)
        net = network()
        return net.weights, run(net, batch_size=40, optimizer=optimizer(0.05)), net.weights

    before, steps, after = weights_and_steps(cores)
    _, expected_steps, expected = weights_and_steps(3)
    assert steps == expected_steps
    np.testing.assert_array_equal(after, expected)
    assert not np.array_equal(after, before)


def test_the_same_seed_trains_the_same_way_and_another_seed_another():
    def weights(seed):
        net = network()
        run(net, batch_size=8, seed=seed)
        return net.weights

    state = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
    for before, after in zip(state, np.random.get_state()):  # noqa: NPY002
        np.testing.assert_array_equal(before, after)


class Seen(Layer):
    """Lets everything through, and keeps it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen += x.ravel().astype(int).tolist()
        return x

    def backward(self, dy):
        return dy


@pytest.mark.parametrize("n, batch_size", [(12, 4), (10, 4), (7, 7), (9, 8), (5, 1), (10, 6)])
def test_each_image_is_seen_once_before_any_is_seen_again(n, batch_size):
    images, labels = np.arange(n, dtype=np.float32).reshape(n, 1), np.zeros(n, int)
    net = Network((1,), [Seen(), Linear(2)])
    run(net, images=images, labels=labels, iterations=3 * n, batch_size=batch_size, optimizer=SGD(0))
    seen = net.layers[0].seen
    packs = [seen[i : i + n] for i in range(0, len(seen), n)]
    assert len(seen) == 3 * n * batch_size
    assert all(sorted(pack) == list(range(n)) for pack in packs)
    assert len(set(map(tuple, packs))) > 1  # shuffled anew


@pytest.mark.parametrize("optimizer", [SGD(0.3), SGD(0.1, momentum=0.9), Adam()], ids=["SGD", "momentum", "Adam"])
def test_it_learns(optimizer):
    net, (images, labels) = network(), brighter_half(300)
    steps = run(net, images=images, labels=labels, iterations=80, optimizer=optimizer)
    assert [step.iteration for step in steps] == list(range(1, 81))
    assert np.mean([step.loss for step in steps[-10:]]) < 0.1 < steps[0].loss
    unseen, answers = brighter_half(200, seed=1)
    assert (net.predict(unseen) == answers).mean() > 0.98


def test_a_layer_of_ones_own_may_fill_its_dictionaries_one_by_one():
    """`self.grads["w"] = ...` is as good as `self.grads = {"w": ...}`."""

    class Gain(Layer):
        def build(self, in_shape, rng):
            self.params["w"] = np.ones(in_shape, np.float32)
            return in_shape

        def forward(self, x):
            self.x = x
            return x * self.params["w"]

        def backward(self, dy):
            self.grads["w"] = (dy * self.x).sum(0)
            return dy * self.params["w"]

    net, by_hand = (Network((1, 8, 8), [Gain(), Flatten(), Linear(2)]) for _ in range(2))
    run(net, iterations=1, batch_size=60, optimizer=SGD(1))
    by_hand.backward(softmax_cross_entropy(by_hand.forward(IMAGES), LABELS)[1])
    expected = 1 - by_hand.layers[0].grads["w"]
    np.testing.assert_allclose(net.layers[0].params["w"], expected, rtol=1e-4)


def test_the_first_layer_still_answers_for_its_input_after_training():
    net, x = network(), IMAGES[:2]
    run(net)
    net.forward(x)
    assert net.backward(np.ones((2, 2), np.float32)).shape == x.shape


# Between steps


def test_nothing_is_computed_before_it_is_asked_for():
    net = network()
    before = net.weights
    steps = train(net, IMAGES, LABELS, iterations=3)
    np.testing.assert_array_equal(net.weights, before)
    assert isinstance(next(steps), Step)
    assert not np.array_equal(net.weights, before)


def test_a_step_tells_of_the_weights_before_it():
    net = network()
    (first, *_) = run(net, batch_size=60, optimizer=SGD(0))
    (step,) = run(network(), batch_size=60, iterations=1, optimizer=SGD(5))
    assert step == first


def test_the_learning_rate_may_be_changed_between_steps():
    net, optimizer = network(), SGD(0.1)
    steps = train(net, IMAGES, LABELS, iterations=9, optimizer=optimizer)
    next(steps)
    after_one = net.weights
    optimizer.learning_rate = 0
    next(steps)
    np.testing.assert_array_equal(net.weights, after_one)
    optimizer.learning_rate = 0.1
    next(steps)
    assert not np.array_equal(net.weights, after_one)


def test_training_may_be_stopped_and_gone_on_with():
    net, optimizer = network(), SGD(0.1, momentum=0.9)
    for step in train(net, IMAGES, LABELS, iterations=100, optimizer=optimizer):
        if step.iteration == 3:
            break
    by_hand = network()
    run(by_hand, iterations=3, optimizer=SGD(0.1, momentum=0.9))
    np.testing.assert_array_equal(net.weights, by_hand.weights)
    assert [step.iteration for step in run(net, iterations=2, optimizer=optimizer)] == [1, 2]


# What training refuses


@each_bad_labels
def test_bad_labels_are_refused_before_the_first_step(labels, error, told):
    with pytest.raises(error, match=re.escape(told)):
        train(network(), IMAGES, labels, iterations=1)


@pytest.mark.parametrize("how, error, told", [
    ({"iterations": 0}, ValueError, "iterations must be a whole number of at least 1, not 0"),
    ({"iterations": 2.5}, ValueError, "iterations must be a whole number of at least 1, not 2.5"),
    ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1, not 0"),
    ({"batch_size": 61}, ValueError, "batch_size must be at most 60, as many as there are images, not 61"),
    ({"images": IMAGES[:, 0]}, ValueError, "images must be (n, 1, 8, 8), n at least 1, not (60, 8, 8)"),
    ({"images": IMAGES.astype(float)}, TypeError, "float32 as the weights are, not float64"),
    ({"images": IMAGES[:0]}, ValueError, "not "),
    ({"images": IMAGES.tolist()}, TypeError, "list"),
    ({"seed": -1}, ValueError, "non-negative"),
    ({"optimizer": Adam}, TypeError, "optimizer must be an Optimizer, such as Adam(0.02), not <class"),
    ({"optimizer": "adam"}, TypeError, "optimizer must be an Optimizer, such as Adam(0.02), not 'adam'"),
    ({"optimizer": 0}, TypeError, "optimizer must be an Optimizer, such as Adam(0.02), not 0"),
], ids=["iterations 0", "iterations 2.5", "batch 0", "batch 61", "images in grey", "images in float64", "no images",
        "images in a list", "seed -1", "a class", "a name", "a number"])  # fmt: skip
def test_what_does_not_fit_is_refused_before_the_first_step(how, error, told):
    with pytest.raises(error, match=re.escape(told)):
        train(network(), **{"images": IMAGES, "labels": LABELS, "iterations": 1} | how)


def test_a_network_that_does_not_end_in_a_row_of_classes_is_refused():
    net = Network((1, 8, 8), [Conv2D(2, 3), ReLU()])
    with pytest.raises((ValueError, TypeError), match=r"\(2, 8, 8\)"):
        train(net, IMAGES, LABELS, iterations=1)
    with pytest.raises(ValueError, match="the network must have layers, not none"):
        train(Network((1, 8, 8), []), IMAGES, LABELS, iterations=1)


# Numbers that are no longer finite


@pytest.mark.parametrize("optimizer", [
    SGD(1e30), SGD(1e30, momentum=0.9), SGD(1e39), Adam(1e30),
], ids=lambda optimizer: f"{type(optimizer).__name__}({optimizer.learning_rate})")  # fmt: skip
def test_too_large_a_learning_rate_ends_with_a_layer_and_advice(optimizer):
    net, film = network(), []
    with pytest.raises(FloatingPointError) as stop:
        for _ in train(net, IMAGES, LABELS, iterations=50, optimizer=optimizer):
            film.append(net.weights)
    assert f"iteration {len(film) + 1}: the loss is " in str(stop.value)
    assert "Layer " in str(stop.value) and "smaller learning rate" in str(stop.value)
    np.testing.assert_array_equal(net.weights, film[-1])


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("ask", [list, lambda steps: [next(steps) for _ in range(3)]], ids=["for", "next"])
def test_a_last_step_that_is_too_large_is_noticed_and_taken_back(iterations, ask):
    net, optimizer, film = network(), SGD(0.1), []

    def watched():
        for step in train(net, IMAGES, LABELS, iterations=iterations, optimizer=optimizer):
            film.append(net.weights)
            optimizer.learning_rate = 1e39 if step.iteration == iterations - 1 else 0.1
            yield step

    before = net.weights
    optimizer.learning_rate = 1e39 if iterations == 1 else 0.1
    with pytest.raises(FloatingPointError, match=rf"iteration {iterations}: .*Layer \d, .* smaller learning rate"):
        ask(watched())
    assert len(film) == iterations - 1
    np.testing.assert_array_equal(net.weights, [before, *film][-1])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("place, name", [(0, "Layer 0, Conv2D"), (3, "Layer 3, Conv2D"), (7, "Layer 7, Linear")])
def test_the_layer_named_is_the_first_to_go_wrong(place, name, bad):
    net = network()
    net.layers[place].params["b"][0] = bad
    with pytest.raises(FloatingPointError, match=rf"iteration 1: the loss is nan\. {name}"):
        run(net)


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_an_image_that_is_not_finite_is_what_is_blamed(bad):
    images = IMAGES.copy()
    images[33, 0, 2, 2] = bad
    net = network()
    before = net.weights
    with pytest.raises(FloatingPointError, match="The images hold numbers that are not finite"):
        run(net, images=images, batch_size=60)
    np.testing.assert_array_equal(net.weights, before)


# The film


def test_a_recording_can_be_rewound_to_any_moment():
    net = network()
    film, weights = Recording(net), [net.weights]
    for step in film.watch(train(net, IMAGES, LABELS, iterations=4, optimizer=Adam())):
        assert film.steps[-1] is step
        weights.append(net.weights)
    assert len(film) == 4 and repr(film) == "Recording of 4 iterations"
    for iteration in (0, 4, 2, 0):
        film.rewind(iteration)
        np.testing.assert_array_equal(net.weights, weights[iteration])
    assert not np.array_equal(weights[0], weights[4])


def test_a_network_that_learns_nothing_is_trained_and_recorded_all_the_same():
    net = Network((2,), [ReLU()])
    film = Recording(net)
    list(film.watch(train(net, np.ones((4, 2), np.float32), np.arange(4) % 2, iterations=2, batch_size=4)))
    film.rewind(0)
    assert len(film) == 2 and net.weights.size == 0


def test_a_recording_goes_on_after_an_interruption():
    net = network()
    film = Recording(net)
    for _ in film.watch(train(net, IMAGES, LABELS, iterations=10)):
        if len(film) == 2:
            break
    list(film.watch(train(net, IMAGES, LABELS, iterations=3)))
    latest = net.weights
    assert len(film) == 5 and len(film.weights) == 6
    film.rewind(5)
    np.testing.assert_array_equal(net.weights, latest)


def test_from_where_it_was_rewound_to_training_goes_the_same_way():
    net = network()
    film = Recording(net)
    first = list(film.watch(train(net, IMAGES, LABELS, iterations=3)))
    film.rewind(0)
    assert run(net, iterations=3) == first
    np.testing.assert_array_equal(net.weights, film.weights[3])


@pytest.mark.parametrize("iteration", [-1, 3])
def test_a_moment_that_was_not_recorded_is_refused(iteration):
    net = network()
    film = Recording(net)
    list(film.watch(train(net, IMAGES, LABELS, iterations=2)))
    with pytest.raises(ValueError, match=f"iteration must be 0 to 2, as recorded so far, not {iteration}"):
        film.rewind(iteration)


# Memory


def test_a_step_takes_at_most_one_and_a_half_times_the_memory_of_its_images(monkeypatch):
    """All that is allocated in one step beside the images themselves: the step's own batch of them, all that the layers
    make and keep, gradients, and Adam's memory. With two cores, so that two micro-batches are under way at once."""
    monkeypatch.setattr(training, "CORES", 2)
    images, labels = np.random.default_rng(0).random((128, 3, 64, 64), np.float32), np.arange(128) % 2
    layers = [Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]
    steps = train(Network((3, 64, 64), layers), images, labels, iterations=2, batch_size=128, optimizer=Adam())
    tracemalloc.start()
    try:
        next(steps)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.1 * images.nbytes < peak < 1.5 * images.nbytes
