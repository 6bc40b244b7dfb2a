"""ShapeLedger, driven from Python: its sums against counts by hand, and what it says a number sees against NaN."""

import copy
import re

import numpy as np
import pytest
import traitlets

from cnnlib import Conv2D, Flatten, Layer, Linear, MaxPool2D, Network, ReLU
from cnnlib.widgets import ShapeLedger


@pytest.fixture
def ledger():
    return ShapeLedger()


def column(ledger, name):
    return [getattr(row, name) for row in ledger.rows]


def press(ledger, words):
    next(b for b in ledger.buttons + ledger.tools if b.description == words).click()


def test_reference_network(ledger):
    assert column(ledger, "shape") == [
        (5, 64, 64), (5, 64, 64), (5, 32, 32), (3, 32, 32), (3, 32, 32), (3, 16, 16), (768,), (2,),
    ]  # fmt: skip
    assert column(ledger, "parameters") == [140, 0, 0, 138, 0, 0, 0, 1538]
    by_hand = [64 * 64 * 5 * (3 * 3 * 3), 0, 0, 32 * 32 * 3 * (5 * 3 * 3), 0, 0, 0, 768 * 2]
    assert column(ledger, "multiply_adds") == by_hand
    assert column(ledger, "field") == [(n, n) for n in (3, 3, 4, 8, 8, 10, 10, 64)]
    assert column(ledger, "jump") == [1, 1, 2, 2, 2, 4, None, None]
    ledger.selected = 5
    assert ledger.text == (
        "3 x 64 x 64 in, 2 out, 8 layers: 1,816 parameters and 692,736 multiply-adds an image. "
        "Layer 5, MaxPool2D(size=2): 3 x 16 x 16, 0 parameters, 0 multiply-adds. "
        "One number of it sees 10 x 10 pixels, and its neighbour looks 4 further on."
    )
    assert repr(ledger) == f"ShapeLedger: {ledger.text}" and ledger.text in ledger.words.value
    assert "<b>Flatten</b><br><b>768</b>" in ledger.picture.value and "692,736" in ledger.table.value


STACKS = [
    [Conv2D(2, 5, stride=2), ReLU(), MaxPool2D(3, stride=2), Conv2D(3, 2, padding="valid")],
    [Conv2D(2, 4, padding=3), MaxPool2D(2), MaxPool2D(2), Conv2D(1, 1, stride=2)],
    [MaxPool2D(3), Conv2D(2, 3, stride=3)],
]


@pytest.mark.parametrize("layers", STACKS, ids=str)
def test_field_and_jump_are_what_nan_reaches(layers):
    ledger = ShapeLedger((1, 44, 52), layers)
    net = ledger.network()
    x = np.zeros((52, 1, 44, 52), np.float32)
    x[range(52), :, :, range(52)] = np.nan  # image k has no numbers in column k
    for row, made in zip(ledger.rows, net.activations(x)):
        reached = np.isnan(made[:, 0, made.shape[2] // 2])  # (column of the input, column of the map)
        assert row.shape == made.shape[1:]
        middle = made.shape[3] // 2
        seen, next_to_it = np.flatnonzero(reached[:, middle]), np.flatnonzero(reached[:, middle + 1])
        assert row.field[1] == seen[-1] - seen[0] + 1 == len(seen)
        assert row.jump == next_to_it[0] - seen[0]


@pytest.mark.parametrize("layers", STACKS, ids=str)
def test_multiply_adds_counted_one_by_one(layers):
    ledger = ShapeLedger((3, 44, 52), [*layers, Flatten(), Linear(4)])
    depth, inputs = 3, 3 * 44 * 52
    for layer, row in zip(ledger.layers, ledger.rows):
        made = np.ones(row.shape)
        if isinstance(layer, Conv2D):
            assert row.multiply_adds == sum(layer.size * layer.size * depth for _ in made.flat)
            assert row.parameters == layer.filters * (depth * layer.size**2 + 1)
        elif isinstance(layer, Linear):
            assert row.multiply_adds == sum(inputs for _ in made)
            assert row.parameters == (inputs + 1) * 4
        else:
            assert row.multiply_adds == row.parameters == 0
        depth, inputs = row.shape[0], made.size


def test_numbers_after_the_classifier_see_the_whole_image():
    ledger = ShapeLedger((1, 20, 30), [Conv2D(2, 3), Flatten(), Linear(3), ReLU(), Linear(2)])
    assert column(ledger, "field") == [(3, 3), (3, 3), (20, 30), (20, 30), (20, 30)]


def test_the_code_makes_the_network(ledger):
    ledger.layers = [
        *[Conv2D(4, 3, padding=2, init="positive"), ReLU(), MaxPool2D(3, stride=2)] * 3,
        Flatten(),
        Linear(7),
    ]
    made = {}
    exec(ledger.code, made)
    assert repr(made["net"]) == repr(ledger.network())
    assert max(map(len, ledger.code.splitlines())) <= 72 and "padding=2" in ledger.listing.value
    np.testing.assert_array_equal(ledger.network(seed=3).weights, Network((3, 64, 64), ledger.layers, seed=3).weights)


def test_buttons_add_move_and_remove(ledger):
    ledger.layers = [Conv2D(5, 3), Flatten()]
    press(ledger, "+ ReLU")
    assert str(ledger.layers) == "(Conv2D(filters=5, size=3), ReLU(), Flatten())" and ledger.selected == 1
    press(ledger, "+ MaxPool2D")
    press(ledger, "up")
    assert [type(layer) for layer in ledger.layers] == [Conv2D, MaxPool2D, ReLU, Flatten] and ledger.selected == 1
    press(ledger, "down")
    press(ledger, "down")
    assert [type(layer) for layer in ledger.layers] == [Conv2D, ReLU, Flatten, MaxPool2D] and ledger.selected == 3
    press(ledger, "down")  # already last
    assert "put it before Flatten()" in ledger.problem
    press(ledger, "remove")
    assert len(ledger.layers) == 3 and ledger.selected == 2 and not ledger.problem
    press(ledger, "+ Linear")
    assert ledger.rows[-1].shape == (2,)
    assert [b.disabled for b in ledger.tools] == [False, True, False]
    for _ in range(4):
        press(ledger, "remove")
    assert ledger.layers == () and ledger.rows == [] and all(b.disabled for b in ledger.tools)
    assert ledger.text == "3 x 64 x 64 in, 3 x 64 x 64 out, 0 layers: 0 parameters and 0 multiply-adds an image."
    press(ledger, "+ Conv2D")
    assert ledger.rows[0].shape == (4, 64, 64) and ledger.selected == 0


def test_sliders_change_the_selected_layer_alone(ledger):
    given = ledger.layers
    ledger.sliders["filters"].value = 7
    assert str(ledger.layers[0]) == "Conv2D(filters=7, size=3)" and str(given[0]) == "Conv2D(filters=5, size=3)"
    assert ledger.layers[1:] == given[1:] and ledger.rows[2].shape == (7, 32, 32)
    ledger.sliders["stride"].value = 2
    ledger.sliders["size"].value = 5
    ledger.padding.value = "valid"
    assert str(ledger.layers[0]) == "Conv2D(filters=7, size=5, stride=2, padding='valid')"
    assert ledger.rows[0].shape == (7, 30, 30)
    ledger.list.value = 2
    assert ledger.selected == 2 and ledger.sliders["size"].value == ledger.sliders["stride"].value == 2
    ledger.sliders["size"].value = 3
    assert str(ledger.layers[2]) == "MaxPool2D(size=3)" and ledger.sliders["stride"].value == 3
    ledger.sliders["stride"].value = 1
    assert str(ledger.layers[2]) == "MaxPool2D(size=3, stride=1)"
    ledger.selected = 7
    ledger.sliders["outputs"].value = 10
    assert ledger.rows[-1].shape == (10,) and ledger.list.value == 7
    ledger.list.value = 3
    assert ledger.selected == 3 and ledger.sliders["filters"].value == 3


def test_only_the_controls_that_the_layer_has_are_shown(ledger):
    def visible():
        controls = {
            **{n: ledger.sliders[n] for n in ("filters", "size", "stride", "outputs")},
            "padding": ledger.padding,
        }
        return [name for name, control in controls.items() if control.layout.display != "none"]

    wanted = [["filters", "size", "stride", "padding"], [], ["size", "stride"]]
    for ledger.selected, want in [*enumerate(wanted), (6, []), (7, ["outputs"])]:
        assert visible() == want


def test_the_input_has_sliders_too(ledger):
    ledger.sliders["depth"].value = 1
    ledger.sliders["width"].value = 32
    assert ledger.input_shape == (1, 64, 32) and ledger.rows[0].parameters == 5 * 9 + 5
    ledger.input_shape = (2, 256, 200)
    assert [ledger.sliders[n].value for n in ("depth", "height", "width")] == [2, 256, 200]
    assert ledger.rows[5].shape == (3, 64, 50)


def test_what_does_not_fit_is_explained_and_the_picture_stays(ledger):
    picture, rows, code = re.sub("<div.*?>", "", ledger.picture.value), ledger.rows, ledger.code
    ledger.selected = 6
    ledger.remove()
    with pytest.raises(ValueError) as error:
        Network((3, 64, 64), ledger.layers)
    assert ledger.problem == f"This does not fit: {error.value}." and "put Flatten() before it" in ledger.problem
    assert '#d32f2f 70%, currentColor)">This does not fit: layer 6, Linear(outputs=2)' in ledger.words.value
    assert (ledger.rows, ledger.code) == (rows, code) and "opacity: 0.45" in ledger.picture.value
    assert picture.count("<svg") == ledger.picture.value.count("<svg")
    assert ledger.text.startswith("Shown is what last fitted: 3 x 64 x 64 in, 2 out, 8 layers")
    with pytest.raises(ValueError, match="put Flatten"):
        ledger.network()
    ledger.selected = 5
    ledger.add(Flatten())
    assert ledger.problem == "" and ledger.rows == rows and "opacity: 0.45" not in ledger.picture.value

    ledger.input_shape = (3, 2, 2)
    assert "a window of size 2 does not fit" in ledger.problem
    ledger.input_shape = (3, 4, 4)
    assert ledger.problem == "" and ledger.rows[-2].shape == (3,)


def test_a_stack_that_never_fitted():
    ledger = ShapeLedger((1, 8, 8), [Linear(2)])
    assert "put Flatten() before it" in ledger.problem and ledger.rows == []
    ledger.layers = [Flatten(), Linear(2)]
    assert ledger.problem == "" and ledger.rows[-1].parameters == 130
    ledger.figure().png()


def test_what_cannot_be_is_refused(ledger):
    with pytest.raises(traitlets.TraitError, match=r"layer 1 must be a Layer, such as ReLU\(\), not 'pool'"):
        ledger.layers = [ReLU(), "pool"]
    with pytest.raises(traitlets.TraitError, match="layer 1 must be a Layer"):
        ledger.add(None)
    with pytest.raises(traitlets.TraitError, match=r"input_shape must be \(depth, height, width\), .* not \(64, 64\)"):
        ledger.input_shape = (64, 64)
    with pytest.raises(traitlets.TraitError, match="each at least 1"):
        ledger.input_shape = (3, 0, 64)
    with pytest.raises(traitlets.TraitError, match="selected must be 0 to 7, not 8"):
        ledger.selected = 8
    with pytest.raises(ValueError, match="filters must be"):
        ledger.change(filters=0)
    assert len(ledger.layers) == 8 and ledger.selected == 0 and not ledger.problem
    ledger.sliders["filters"].value = 6  # the controls still answer
    assert ledger.rows[0].shape[0] == 6


def test_fewer_layers_than_the_selected_one(ledger):
    ledger.selected = 7
    ledger.layers = [ReLU()]
    assert ledger.selected == 0 and "Layer 0, ReLU()" in ledger.text
    ledger.layers = []
    with pytest.raises(ValueError, match="there is no layer to change"):
        ledger.change(filters=2)


class Brighten(Layer):
    """A layer of the reader's own, with weights and a setting."""

    def __init__(self, filters=1):
        super().__init__()
        self.filters = filters

    def build(self, in_shape, rng):
        self.params = {"w": rng.standard_normal((in_shape[0], self.filters)).astype(np.float32)}
        return in_shape


def test_takes_the_readers_own_network_and_leaves_it_alone(rng):
    net = Network((1, 9, 12), [Conv2D(40, 3, padding=4), Brighten(), Flatten(), Linear(2)])
    before, layers = net.weights, copy.copy(net.layers)
    ledger = ShapeLedger(net.input_shape, net.layers)
    assert ledger.rows[1].parameters == 40 and "Brighten" not in ledger.code.partition("\n")[0]
    assert (ledger.sliders["filters"].value, ledger.padding.value) == (40, 4)
    ledger.sliders["filters"].value = 3
    ledger.input_shape = (2, 8, 8)
    ledger.network()
    np.testing.assert_array_equal(net.weights, before)
    assert net.layers == layers and net.out_shapes[0] == (40, 15, 18)


def test_two_ledgers_do_not_share(ledger):
    other = ShapeLedger()
    other.change(filters=9)
    assert ledger.rows[0].shape == (5, 64, 64)


def test_the_selected_layers_sight_is_drawn_on_the_input(ledger):
    def patches():
        return ledger.picture.value.count('fill="#CC79A7"')

    assert patches() == 2  # the number's, and its neighbour's
    ledger.selected = 7
    assert patches() == 1 and "layer 7 sees" in ledger.picture.value
    ledger.layers = [Flatten(), Conv2D(1, 1)]
    assert ledger.problem and patches() == 0


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 256, 256), (64, 1, 1), (3, 8, 200), (512, 7, 7)])
def test_volumes_are_to_scale_and_inside_the_picture(shape):
    ledger = ShapeLedger(shape, [ReLU(), Conv2D(8, 1, stride=2), Flatten()])
    sizes = [
        (float(w), float(h)) for w, h in re.findall(r'<svg width="([\d.]+)" height="([\d.]+)"', ledger.picture.value)
    ]
    assert len(sizes) == 4 and sizes[0] == sizes[1]
    assert all(h <= 110 for _, h in sizes) and sum(w for w, _ in sizes) <= 850
    lines = re.findall(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" stroke="#0072B2"', ledger.picture.value)
    lengths = [abs(float(b) - float(y)) for _, y, _, b in lines]
    assert len(lengths) == 3
    if lengths[2] > 3:  # no edge is drawn shorter than can be seen
        np.testing.assert_allclose(lengths[0] / lengths[2], shape[1] / ledger.rows[1].shape[1], rtol=0.05)


def test_still_picture(ledger):
    assert ledger.figure().alt == ledger.text
    assert "image/png" in ledger._repr_mimebundle_()
