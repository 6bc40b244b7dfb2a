"""NetworkExplorer, driven from Python: what it says of a network, against loops, NaN, and nudged numbers."""

import itertools

import numpy as np
import pytest
import traitlets

from cnnlib import Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, train
from cnnlib.gradcheck import numerical_gradient
from cnnlib.layers import Layer
from cnnlib.widgets import NetworkExplorer

STACKS = {
    "reference": ((3, 16, 16), lambda: [
        Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)
    ]),
    "strides": ((1, 13, 10), lambda: [
        Conv2D(4, 5, stride=2, padding=3), ReLU(), MaxPool2D(3, stride=2), Conv2D(2, 2), Flatten(), Linear(10)
    ]),
    "deep end": ((2, 9, 7), lambda: [
        Conv2D(9, 2, padding="valid"), MaxPool2D(3), Flatten(), Linear(20), ReLU(), Linear(3)
    ]),
}  # fmt: skip


def network(name, dtype=np.float32, seed=0):
    """A network whose biases are not zero."""
    shape, layers = STACKS[name]
    net, rng = Network(shape, layers(), seed=seed), np.random.default_rng(seed)
    net.weights = net.weights + 0.1 * rng.standard_normal(net.weights.shape).astype(np.float32)
    return net.to(lambda p: p.astype(dtype))


def pictures(net, n=3):
    return np.random.default_rng(1).standard_normal((n, *net.input_shape)).astype(np.float32)


@pytest.fixture(params=STACKS)
def net(request):
    return network(request.param)


@pytest.fixture
def explorer():
    net = network("reference")
    return NetworkExplorer(net, pictures(net), np.array([0, 1, 1]), ["cross", "circle"])


def flat(volume):
    """(maps, height, width), as the explorer counts."""
    return volume if volume.ndim == 3 else volume.reshape(-1, 1, 1)


def some_units(explorer, layer, n=5):
    explorer.layer = layer
    places = list(itertools.product(*map(range, explorer.maps.shape)))
    return [places[0], places[-1], *map(tuple, np.random.default_rng(layer).permutation(places)[:n].tolist())]


def go(explorer, layer, place):
    with explorer.hold_trait_notifications():
        explorer.layer, (explorer.map, explorer.row, explorer.column) = layer, place


# What is shown


def test_maps_and_probabilities_are_the_networks_own(net):
    images = pictures(net)
    explorer = NetworkExplorer(net, images)
    for image in range(3):
        explorer.image = image
        for layer, made in enumerate(net.activations(images[image : image + 1])):
            explorer.layer = layer
            np.testing.assert_allclose(explorer.maps, flat(made[0]), rtol=1e-6)
            shown = explorer.sheets[layer].arrays
            assert sum(np.isfinite(tile).sum() for tile in shown) == made.size
            np.testing.assert_allclose(np.concatenate([tile.ravel() for tile in shown])[: made.size], made.ravel())
        np.testing.assert_allclose(explorer.probabilities, net.probabilities(images[image : image + 1])[0], rtol=1e-5)


def by_hand(layer, x, unit):
    """One number of a layer's answer to x, by loops."""
    m, row, column = unit
    if isinstance(layer, ReLU):
        return max(float(flat(x)[unit]), 0)
    if isinstance(layer, Flatten):
        return x.ravel()[m]
    if isinstance(layer, Linear):
        return sum(float(a) * float(w) for a, w in zip(x.ravel(), layer.params["w"][:, m])) + layer.params["b"][m]
    if isinstance(layer, MaxPool2D):
        step = layer.stride or layer.size
        places = itertools.product(range(layer.size), repeat=2)
        return max(x[m, row * step + i, column * step + j] for i, j in places)
    before = {"same": (layer.size - 1) // 2, "valid": 0}.get(layer.padding, layer.padding)
    total = float(layer.params["b"][m])
    for d, i, j in itertools.product(range(len(x)), range(layer.size), range(layer.size)):
        r, c = row * layer.stride + i - before, column * layer.stride + j - before
        if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
            total += float(layer.params["w"][m, d, i, j]) * float(x[d, r, c])
    return total


def test_arithmetic_of_any_unit(net):
    images = pictures(net)
    explorer = NetworkExplorer(net, images)
    volumes = [images[0], *(made[0] for made in net.activations(images[:1]))]
    for i, layer in enumerate(net.layers):
        for place in some_units(explorer, i):
            go(explorer, i, place)
            want = by_hand(layer, volumes[i], place)
            assert explorer.value == pytest.approx(want, abs=1e-5)
            terms = explorer.work.terms
            if isinstance(layer, (Conv2D, Linear)):
                x, w, products = (np.stack(term.arrays) for term in terms)
                np.testing.assert_array_equal(x * w, products)
                total = np.nansum(products) + layer.params["b"][place[0]]
                said = float(explorer.work.words.rpartition("= ")[2])
                assert total == pytest.approx(want, abs=1e-4) and said == pytest.approx(want, abs=0.006)
            elif isinstance(layer, ReLU):
                assert terms[0].arrays[0].item() == flat(volumes[i])[place] and terms[1].arrays[0].item() == want
            elif isinstance(layer, MaxPool2D):
                (block,), (won,) = terms[0].arrays, terms[0].boxes
                assert block.shape == (layer.size, layer.size)
                assert block[won["top"], won["left"]] == block.max() == np.float32(want)


def test_words_of_a_sum_worked_by_hand():
    net = Network((2, 3, 3), [Conv2D(1, 3), Flatten(), Linear(2)])
    net.layers[0].params["w"][:] = np.arange(18).reshape(1, 2, 3, 3)
    net.layers[0].params["b"][:] = -0.5
    image = np.zeros((1, 2, 3, 3))
    image[0, 0, 1, 1], image[0, 1, 0, 2] = 0.25, -1
    explorer = NetworkExplorer(net, image)
    go(explorer, 0, (0, 1, 1))
    assert explorer.value == 4 * 0.25 - 11 - 0.5
    assert explorer.text.startswith("Image 0. The network says")
    assert "Layer 0, Conv2D, map 0, row 1, column 1: 1.00 - 11.00 - bias 0.50 = -10.50." in explorer.text
    assert "It sees rows 0 to 2 and columns 0 to 2 of the image." in explorer.text
    assert [tiles.captions for tiles in explorer.terms] == [
        ["depth 0", "depth 1"], ["depth 0", "depth 1"], ["sum 1.00", "sum -11.00"]
    ]  # fmt: skip
    assert explorer.terms[1].numbers[1] == [str(i) for i in range(9, 18)]
    go(explorer, 0, (0, 0, 0))  # the patch hangs over the edge: zeros
    np.testing.assert_array_equal(explorer.work.terms[0].arrays[0], [[0, 0, 0], [0, 0, 0], [0, 0, 0.25]])


# What a unit sees


def rest(net, first, last, x):
    for layer in net.layers[first : last + 1]:
        x = layer.forward(x)
    return x


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", STACKS)
def test_fields_are_where_a_missing_number_is_noticed(name):
    net = network(name)
    for layer in net.layers:
        layer.params = {key: np.ones_like(p) for key, p in layer.params.items()}
    explorer = NetworkExplorer(net, pictures(net))
    volumes = [pictures(net)[:1], *net.activations(pictures(net)[:1])]
    for layer in range(len(net.layers)):
        for place in some_units(explorer, layer, n=3):
            go(explorer, layer, place)
            fields = explorer.fields
            assert sorted(fields) == list(range(-1, layer))
            for earlier, field in fields.items():
                given = volumes[earlier + 1]
                noticed = np.zeros(flat(given[0]).shape, bool)
                probes = list(np.ndindex(noticed.shape))
                step = max(1, len(probes) // 60)
                inside = [p for p in probes if contains(field, p)]
                for probe in {*probes[::step], *inside[:: max(1, len(inside) // 20)]}:
                    x = given.copy()
                    flat(x[0])[probe] = np.nan
                    missed = np.isnan(flat(rest(net, earlier + 1, layer, x)[0])[place])
                    assert missed == contains(field, probe), (layer, place, earlier, probe, field)


def contains(field, probe):
    m, row, column = probe
    return m in field.maps and field.top <= row < field.bottom and field.left <= column < field.right


def test_fields_are_the_networks_receptive_fields(explorer):
    go(explorer, 5, (1, 1, 2))
    for earlier, field in explorer.fields.items():
        assert field[1:] == explorer.nets["after"].receptive_field(5, 1, 2, of=earlier)


def test_a_unit_may_see_only_padding():
    net = Network((1, 4, 4), [Conv2D(1, 2, padding=3), MaxPool2D(1), Flatten(), Linear(2)])
    explorer = NetworkExplorer(net, np.ones((1, 1, 4, 4)))
    go(explorer, 1, (0, 0, 0))
    assert explorer.value == 0 and explorer.slices.boxes == [] and len(explorer.sheets[0].boxes) == 1
    assert "It sees nothing of the image" in explorer.text


def test_frames_lie_around_the_fields(explorer):
    go(explorer, 5, (1, 2, 3))
    for layer, field in explorer.fields.items():
        tiles = explorer.sheets[layer] if layer >= 0 else explorer.slices
        assert [box["tile"] for box in tiles.boxes] == list(field.maps)
        for box in tiles.boxes:
            assert (box["top"], box["left"]) == (field.top, field.left)
            assert (box["top"] + box["height"], box["left"] + box["width"]) == (field.bottom, field.right)
    assert len(explorer.fields[4].maps) == 1 and len(explorer.fields[2].maps) == 5
    assert [(box["tile"], box["top"], box["left"], box["width"]) for box in explorer.sheets[5].boxes] == [(1, 2, 3, 1)]
    assert explorer.sheets[6].boxes == explorer.sheets[7].boxes == []
    assert len(explorer.picture.boxes) == 1


# The classifier, and gradients


def test_evidence_adds_up_to_the_logits():
    for name in ("reference", "strides"):
        net = network(name)
        explorer = NetworkExplorer(net, pictures(net))
        for explorer.image in range(3):
            logits = net.forward(pictures(net)[explorer.image : explorer.image + 1])[0]
            before = net.activations(pictures(net)[explorer.image : explorer.image + 1])[-3][0]
            assert explorer.evidence.shape == (len(logits), *before.shape)
            sums = explorer.evidence.sum((1, 2, 3)) + net.layers[-1].params["b"]
            np.testing.assert_allclose(sums, logits, atol=1e-5)
            w = net.layers[-1].params["w"]
            assert explorer.evidence[1, 0, 0, 1] == w[1, 1] * before[0, 0, 1]
    explorer.chosen = 7
    np.testing.assert_array_equal(np.stack(explorer.by_map.arrays), explorer.evidence[7])
    np.testing.assert_array_equal(np.stack(explorer.by_class.arrays), explorer.evidence.sum(1))
    assert f"{logits[7]:.2f}." in explorer.text.partition("Evidence for class 7")[2]
    assert f">{100 * explorer.probabilities[7]:.1f}%<" in explorer.ledger.value


def test_no_evidence_where_a_network_ends_in_another_way():
    net = network("deep end")
    explorer = NetworkExplorer(net, pictures(net))
    assert explorer.evidence is None and "Evidence" not in explorer.text
    assert explorer.by_map not in [t for t in explorer.children] and "logit" in explorer.ledger.value


@pytest.mark.parametrize("name", STACKS)
def test_gradients_are_those_of_nudged_numbers(name):
    net = network(name, np.float64)
    image = pictures(net)[:1].astype(np.float64)
    explorer = NetworkExplorer(net, pictures(net))
    explorer.chosen = 1
    explorer.show = "gradients"
    volumes = [image, *net.activations(image)]
    for layer in range(len(net.layers)):
        explorer.layer = layer
        made = volumes[layer + 1]
        want = numerical_gradient(lambda x, on=layer + 1: rest(net, on, len(net.layers), x)[0, 1], made.copy(), h=1e-6)
        smooth = (
            made != 0 if isinstance(net.layers[layer], ReLU) else made == made
        )  # pooling has a kink where zeros tie
        np.testing.assert_allclose(np.where(smooth, explorer.maps.reshape(made.shape), 0), want * smooth, atol=1e-7)
    want = numerical_gradient(lambda x: net.forward(x)[0, 1], image.copy(), h=1e-6)
    np.testing.assert_allclose(np.stack(explorer.slices.arrays), want[0], atol=1e-7)
    assert explorer.sheets[0].signed
    assert "Gradient: the logit of class 1 grows" in explorer.text


def test_before_and_after():
    net = network("reference")
    images, labels, start = pictures(net, 16), np.arange(16) % 2, net.weights
    list(train(net, images, labels, iterations=3, batch_size=8, optimizer=Adam(0.05)))
    explorer = NetworkExplorer(net, images, labels, before=start)
    after = net.forward(images[:1])
    assert explorer.text.startswith("Image 0: class 0. After training, the network says")
    np.testing.assert_allclose(explorer.logits, after[0], rtol=1e-5)
    scale = explorer.sheets[0].largest
    explorer.controls["weights"].value = "before"
    assert explorer.weights == "before" and "Before training" in explorer.text
    assert explorer.sheets[0].largest == scale
    net.weights = start
    np.testing.assert_allclose(explorer.logits, net.forward(images[:1])[0], rtol=1e-5)
    go(explorer, 3, (1, 2, 2))
    want = by_hand(net.layers[3], net.activations(images[:1])[2][0], (1, 2, 2))
    assert explorer.value == pytest.approx(want, abs=1e-5)
    np.testing.assert_array_equal(np.stack(explorer.terms[1].arrays), np.round(net.layers[3].params["w"][1], 2))


def test_the_readers_network_is_left_alone(explorer):
    net = network("reference")
    net.forward(pictures(net)[:2])
    weights, seen = net.weights, net.layers[-1].x
    explorer = NetworkExplorer(net, pictures(net), before=0 * weights)
    explorer.weights, explorer.show, explorer.image = "before", "gradients", 2
    np.testing.assert_array_equal(net.weights, weights)
    assert net.layers[-1].x is seen and net.layers[0].grads == {}


# The hand


def test_hovering_moves_the_frames_and_sends_no_map_again(explorer):
    sent = []
    for tiles in [*explorer.sheets, explorer.slices, explorer.picture, explorer.by_class, explorer.by_map]:
        tiles.observe(sent.append, ["pixels", "sizes", "captions"])
    explorer.sheets[3].hovered = (2, 4, 5)
    assert explorer.unit == (3, 2, 4, 5) and "Layer 3, Conv2D, map 2, row 4, column 5" in explorer.words.value
    explorer.sheets[6].hovered = (0, 0, 17)
    assert explorer.unit == (6, 17, 0, 0) and "the same as map 1, row 0, column 1 before" in explorer.text
    explorer.sheets[7].hovered = (1, 0, 0)
    assert explorer.unit == (7, 1, 0, 0)
    explorer.sheets[7].hovered = ()
    assert explorer.unit == (7, 1, 0, 0)  # nothing is held, so the last stays to be read
    assert sent == []


def test_one_update_for_one_move(explorer):
    told = []
    explorer.words.observe(told.append, "value")
    explorer.sheets[3].hovered = (2, 4, 5)
    assert len(told) == 1
    explorer.sheets[3].hovered = (2, 5, 6)
    assert len(told) == 2


def test_a_picked_unit_is_held(explorer):
    explorer.sheets[3].picked = (2, 4, 5)
    explorer.sheets[1].hovered = (0, 9, 9)
    assert explorer.unit == (1, 0, 9, 9)
    explorer.sheets[1].hovered = ()
    assert explorer.unit == (3, 2, 4, 5)
    explorer.sheets[1].picked = (0, 1, 1)
    assert explorer.sheets[3].picked == ()  # so that a click on the same cell is news
    explorer.sheets[3].picked = (2, 4, 5)
    assert explorer.unit == (3, 2, 4, 5) and explorer.sheets[1].picked == ()


def test_python_moves_the_hand(explorer):
    explorer.layer, explorer.row, explorer.column = 3, 2, 6
    assert explorer.sheets[3].picked == (explorer.map, 2, 6)
    explorer.sheets[1].hovered = (0, 9, 9)
    explorer.sheets[1].hovered = ()
    assert explorer.unit[0] == 3 and explorer.unit[2:] == (2, 6)


def test_another_layer_at_the_same_place_of_the_picture(explorer):
    go(explorer, 0, (4, 8, 12))
    explorer.layer = 5
    assert explorer.unit == (5, 2, 2, 3)  # 16 pixels a side are 4 now, and 5 maps 3
    explorer.layer = 7
    assert explorer.unit == (7, 1, 0, 0)


def test_controls_and_traits_are_one(explorer):
    for name, value in [("image", 2), ("chosen", 1), ("show", "gradients")]:
        explorer.controls[name].value = value
        assert getattr(explorer, name) == value
    explorer.image = 1
    assert explorer.controls["image"].value == 1
    assert explorer.controls["image"].max == 2 and explorer.controls["chosen"].options == (("cross", 0), ("circle", 1))
    assert all(control.description for control in explorer.controls.values())


def test_repr_is_the_text_and_a_still_is_made(explorer):
    assert repr(explorer) == f"NetworkExplorer: {explorer.text}" and "Image 0: cross." in explorer.text
    assert "training" not in explorer.text  # there is nothing to compare with
    still = explorer.figure()
    assert still.alt == explorer.text and len(still.axes) == 1 + 3 + 3 * 5 + 3 * 3 + 1 + 2 + 3 * 3 + 2 + 3


# What does not fit


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("image", 3, "image must be 0 to 2, not 3"),
        ("layer", 8, "layer must be 0 to 7, not 8"),
        ("map", 5, "map must be 0 to 4, not 5"),
        ("row", -1, "row must be 0 to 15, not -1"),
        ("column", 16, "column must be 0 to 15, not 16"),
        ("chosen", 2, "chosen must be 0 to 1, not 2"),
        ("show", "weights", "show"),
        ("weights", "before", 'only where NetworkExplorer was given before'),
    ],
)  # fmt: skip
def test_refuses_what_is_not_there(explorer, name, value, words):
    before = explorer.text
    with pytest.raises(traitlets.TraitError, match=words):
        setattr(explorer, name, value)
    assert explorer.text == before


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"images": np.zeros((2, 3, 8, 8))}, ValueError, "images must be"),
        ({"images": np.zeros((0, 3, 16, 16))}, ValueError, "images must be"),
        ({"labels": [0, 1]}, ValueError, "labels must be a row of 3"),
        ({"labels": [0, 1, 2]}, ValueError, "labels must be 0 to 1"),
        ({"labels": [0.0, 1.0, 1.0]}, TypeError, "labels must be whole numbers"),
        ({"names": ["cross"]}, ValueError, "names must be 2"),
        ({"before": np.zeros(7)}, ValueError, "weights in a row"),
    ],
)
def test_refuses_what_does_not_fit(change, error, words):
    net = network("reference")
    with pytest.raises(error, match=words):
        NetworkExplorer(**{"net": net, "images": pictures(net), **change})


def test_refuses_a_network_without_classes():
    with pytest.raises(ValueError, match="a number for each class.*add Linear"):
        NetworkExplorer(Network((1, 4, 4), [Conv2D(2, 3)]), np.zeros((1, 1, 4, 4)))


class Leaky(Layer):
    def forward(self, x):
        return np.where(x > 0, x, x * np.float32(0.1))


class Mean(Layer):
    """The mean of each map, whatever its size."""

    def build(self, in_shape, rng):
        return in_shape[:1]

    def forward(self, x):
        self.shape = x.shape
        return x.mean((2, 3))


def test_layers_of_the_readers_own():
    net = Network((2, 6, 5), [Conv2D(4, 3), Leaky(), Mean(), Linear(2)])
    explorer = NetworkExplorer(net, pictures(net))
    go(explorer, 1, (0, 2, 2))
    assert explorer.fields[-1] == (range(2), 1, 1, 4, 4)
    assert f"{explorer.value:.2f}, from what is framed" in explorer.text
    go(explorer, 2, (3, 0, 0))
    assert explorer.fields[1] == (range(4), 0, 0, 6, 5)  # it does not say what it sees: everything
    shown = explorer.sheets[0].pixels
    explorer.show = "gradients"
    assert "There are no gradients to show" in explorer.words.value and "d32f2f" in explorer.words.value
    assert explorer.sheets[0].pixels == shown
    explorer.show = "activations"
    assert "d32f2f" not in explorer.words.value


@pytest.mark.parametrize("value", [0, 1, 0.5, -3])
def test_constant_images(value):
    net = network("reference")
    explorer = NetworkExplorer(net, np.full((1, 3, 16, 16), value))
    assert explorer.probabilities.sum() == pytest.approx(1, abs=1e-6)
    explorer.show = "gradients"


def test_missing_numbers_are_told():
    net = network("reference")
    images = pictures(net)
    images[0, 1, 3, 3] = np.nan
    explorer = NetworkExplorer(net, images)
    n = sum(int(np.isnan(v).sum()) for v in [images[0], *net.activations(images[:1])])
    assert f"{n} of these are not numbers (NaN): they are grey." in explorer.text
    assert "answers with what is not a number" in explorer.text
    go(explorer, 0, (0, 3, 3))
    assert "nan" in explorer.work.words
    assert (explorer.sheets[0].colours(explorer.sheets[0].arrays[0])[3, 3] == (128, 128, 128, 255)).all()
    explorer.show = "gradients"
    explorer.image = 1
    assert "NaN" not in explorer.text


def test_whole_numbers_large_images_and_odd_depths():
    net = Network((2, 256, 250), [Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)])
    explorer = NetworkExplorer(net, np.random.default_rng(0).integers(0, 255, (2, 2, 256, 250)))
    assert explorer.sheets[0].zoom < 1 and explorer.sheets[0].zoom * 250 == 64
    explorer.sheets[0].hovered = (4, 255, 249)
    assert explorer.fields[-1] == (range(2), 254, 248, 256, 250)
    assert "It sees rows 254 to 255 and columns 248 to 249 of the image." in explorer.text


@pytest.mark.parametrize(
    "shape, layers, readable",
    [
        ((3, 16, 16), [Conv2D(5, 3), Conv2D(1, 3), Flatten(), Linear(2)], {0, 1, 2}),
        ((3, 16, 16), [Conv2D(16, 5), Conv2D(1, 3), Flatten(), Linear(21)], {0, 1, 2}),
        ((1, 9, 9), [Conv2D(64, 2), Conv2D(40, 7), Flatten(), Linear(200), ReLU(), Linear(2)], {0, 2, 4}),
        ((2, 200, 1), [Conv2D(3, 1), Flatten(), Linear(2)], {0, 1}),
        ((1, 1, 300), [Conv2D(1, 1), Flatten(), Linear(2)], {0, 1}),
    ],
)  # fmt: skip
def test_the_arithmetic_is_no_larger_than_a_screen(shape, layers, readable):
    """Whatever the layer: in pixels, with 16 for a line of caption. Where there is room, its numbers are written."""
    net = Network(shape, layers)
    explorer, written = NetworkExplorer(net, pictures(net)), set()
    for layer in range(len(layers)):
        explorer.layer = layer
        for tiles in explorer.terms:
            if tiles.arrays:
                down = -(-len(tiles.arrays) // tiles.columns)
                tall, wide = (max(a.shape[side] for a in tiles.arrays) * tiles.zoom for side in (0, 1))
                assert down * (tall + 16) <= 660 and tiles.columns * wide <= 270
        if all(map(any, zip(*(tiles.numbers for tiles in explorer.terms if tiles.arrays)))):
            written.add(layer)
    assert written == readable


def test_words_are_sent_before_pictures(explorer):
    """Each part is a message of its own, and what comes first is seen first."""
    sent = []
    explorer.sum.observe(lambda change: sent.append("sum"), "value")
    explorer.words.observe(lambda change: sent.append("words"), "value")
    for tiles in [explorer.picture, *explorer.sheets, *explorer.terms]:
        tiles.observe(lambda change: sent.append("picture"), ["boxes", "pixels"])
    explorer.sheets[3].hovered = (1, 2, 5)
    assert sent[:2] == ["sum", "words"] and "picture" in sent[2:]
