"""Damaged and malicious files: one clear ValueError, no code is run, little memory is used."""

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from sklauction import load_auction
from sklauction.mechanism import TorchMechanism
from sklauction.persistence.codec import Encoder
from sklauction.persistence.container import pack, read_container
from sklauction.two_player.layers import build_seeded
from sklauction.two_player.networks import EquivariantAuctioneer, NetworkDesign

FOLDER = Path(__file__).parent / "data"
NAMES = ("algnet", "myerson", "price_sheets", "rochetnet")
FILES = {name: (FOLDER / f"{name}.safetensors").read_bytes() for name in NAMES}


def sizes(quick, full):
    """Return the parameter ``n_tried``: a quick value, and the full one for ``make stress``."""
    return pytest.mark.parametrize("n_tried", [quick, pytest.param(full, marks=pytest.mark.stress)])


def refusal(path, data):
    """Return the message of the error that a file of these bytes raises."""
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        load_auction(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is not a saved auction: "), message
    assert len(message) < 1500 and "\n" not in message, message
    return message


# Damaged files, with a wrong checksum.


def truncated(data, random, n_tried):
    lengths = {*range(0, len(data), len(data) // n_tried), *range(len(data) - 20, len(data))}
    return [data[:length] for length in lengths]


def with_flipped_bits(data, random, n_tried):
    files = []
    for place in random.randint(8 * len(data), size=n_tried):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << (place % 8)
        files.append(bytes(flipped))
    return files


def with_other_pieces(data, random, n_tried):
    """Add bytes, or replace a piece by random, foreign, reversed, repeated or no bytes."""
    files = [data + random.bytes(k + 1) for k in range(20)] + [b"\0" + data, data * 2, data[::-1]]
    others = [FILES[other] for other in NAMES if FILES[other] != data]
    for _ in range(n_tried):
        start, end = np.sort(random.randint(len(data), size=2))
        other, length = others[random.randint(len(others))], end - start
        pieces = [b"", random.bytes(length), other[start:end], data[start:end][::-1]]
        pieces += [b"\0" * length, data[start:end] * 2]
        files.append(data[:start] + pieces[random.randint(len(pieces))] + data[end:])
    # A piece that replaces itself changes nothing.
    return [one for one in files if one != data]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", [truncated, with_flipped_bits, with_other_pieces])
@sizes(50, 500)
def test_a_damaged_file_is_refused(name, damage, n_tried, path):
    files = damage(FILES[name], np.random.RandomState(0), n_tried)
    assert len(files) >= n_tried
    for data in files:
        assert "checksum is wrong" in refusal(path, data)


OTHERS = {
    "nothing": b"",
    "text": b"n_bidders,2\n" * 100,
    "a program": Path(sys.executable).read_bytes()[:10_000],
    "a pickle": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04exit\x85R.",
    "arrays without metadata": safetensors.numpy.save({"a": np.ones(3)}),
    "arrays with others": safetensors.numpy.save({"a": np.ones(3)}, {"checksum": "0" * 64}),
    "json": json.dumps({"__metadata__": {"sklauction": "auction"}}).encode(),
    "checksum alone": b"\x12\0\0\0\0\0\0\0" + b'{"checksum":"0000"}',
    "text for sizes": b'\x36\0\0\0\0\0\0\0{"__metadata__": {}, "a": {"data_offsets": ["", "8"]}}',
}


@pytest.mark.parametrize("kind", OTHERS)
def test_files_of_other_kinds_are_refused_under_any_name(kind, path):
    assert "checksum is wrong" in refusal(path, OTHERS[kind])


# Manipulated files, with a correct checksum.


def parts(name):
    """Return the content and the arrays of an example."""
    return read_container(FOLDER / f"{name}.safetensors", "auction")


def edited(old, new):
    """Return an example with changed JSON and a correct checksum."""
    content, arrays = parts("rochetnet")
    text = json.dumps(content)
    assert old in text
    return pack("auction", json.loads(text.replace(old, new, 1)), arrays)


CLASS = '"$auction": ["RochetNetAuction"'
BIDDERS = '["n_bidders", 1]'
SCALE = '["scale_", 0'
SUPPORT = '{"$array": "0 support_"}'
INSIDE = '["attributes", {"$dict": ['
BUFFER = '["buffers", {"$dict": [["allocations"'
EDITED = {
    "a class of the system": (CLASS, '"$auction": ["os.system"', "'os.system' is not an auction"),
    "a class of torch": (CLASS, '"$auction": ["Linear"', "'Linear' is not an auction"),
    "a class without a name": (CLASS, '"$auction": [["Linear"]', "is not an auction that can be"),
    "no file's class": (CLASS, '"$auction": ["CallableAuction"', "is not an auction that can be"),
    "a base class": (CLASS, '"$auction": ["LearnedAuction"', "is not an auction that can be saved"),
    "a public function": (CLASS, '"$auction": ["load_auction"', "is not an auction that can be"),
    "a part as an auction": (CLASS, '"$auction": ["Menu"', "'Menu' is not an auction that can be"),
    "a module as an object": ('"$module": ["Aff', '"$object": ["Aff', "a file may hold as .object"),
    "an object as a module": ('"$record": ["Menu', '"$module": ["Menu', "may hold as .module"),
    "another auction": (
        CLASS,
        '"$auction": ["VCGAuction"',
        # In a fresh process the parts of the auction of the file are not known.
        "parameters of VCGAuction must be demand,|'AffineMechanism' is not a class that a file may",
    ),
    "a network": ('"$auction"', '"$module"', "for a list of 2 parts"),
    "a method": (SCALE, '["predict", 0', "attributes of a fitted RochetNetAuc.*got 'predict'"),
    "a class attribute": (SCALE, '["__class__", 0', "got '__class__'"),
    "the state of training": (SCALE, '["net_", 0', "got 'net_'"),
    "a missing attribute": (SCALE, '["n_iter_", 0', "must have scale_, which is missing"),
    "callbacks": (BIDDERS, '["callbacks", null]', "parameters of RochetNetA.*got 'callbacks'"),
    "a billion bidders": (BIDDERS, '["n_bidders", 1000000000]', "n_bidders must be 1"),
    "no bidders": (BIDDERS, '["n_bidders", 0]', "n_bidders must be None or an integer of"),
    "half a bidder": (BIDDERS, '["n_bidders", 1.0]', "n_bidders must be None or an integer of"),
    "infinite bidders": (
        BIDDERS,
        '["n_bidders", {"$float": "inf"}]',
        "n_bidders must be None or an in",
    ),
    "a scale below 0": (
        SCALE,
        '["scale_", -0',
        r"scale_ must be a number in \[1e-201, 1e\+201\]; got -0.98",
    ),
    "no number for a scale": (
        SCALE,
        '["scale_", {"$float": "nan"}], ["n_iter_", 0',
        r"scale_ must be a number in .*; got nan",
    ),
    "another size": ('["n_items_", 2]', '["n_items_", 3]', "n_features_in_ must be n_bidders"),
    "a missing array": (SUPPORT, '{"$array": "none"}', "it lacks the array 'none'"),
    "an array of no name": (SUPPORT, '{"$array": ["0 support_"]}', "it lacks the array"),
    "another array": (SUPPORT, '{"$array": "5 menu_[\'prices\']"}', "support_ must have the sha"),
    "a tensor for an array": (SUPPORT, '{"$tensor": "0 support_"}', "support_ must be an array"),
    "a function of the system": (
        INSIDE,
        INSIDE + '["kept", {"$function": "system"}],',
        "'system' is not a function that a file may hold",
    ),
    "forward": (
        INSIDE,
        INSIDE + '["forward", {"$function": "tanh"}],',
        "'forward' is not an attribute of a saved AffineMechanism",
    ),
    "hooks": (INSIDE, INSIDE + '["_forward_hooks", 0],', "'_forward_hooks' is not an attr"),
    "training": (INSIDE, INSIDE + '["training", true],', "'training' is not an attribute"),
    "a list": (INSIDE, INSIDE + '["kept", [1]],', "AffineMechanism.kept cannot be a list"),
    "a buffer instead of a method": (BUFFER, BUFFER.replace("alloc", "forward"), "malformed"),
    "a random state": (
        '["random_state", 0]',
        '["random_state", {"$random": [[1], 0, 0, 0]}]',
        "the state of a RandomState must be an array",
    ),
    "two tags": ('{"$auction": ', '{"$tuple": [1], "$auction": ', "it holds a value without a tag"),
    "no auction": ('"auction": {', '"other": {', "it does not hold an auction"),
}


@pytest.mark.parametrize("kind", EDITED)
def test_illegal_content_is_named(kind, path):
    old, new, message = EDITED[kind]
    refused = refusal(path, edited(old, new))
    assert re.search(message, refused), refused


def test_weights_that_are_not_finite_are_refused(path):
    content, arrays = parts("algnet")
    for name in [name for name in arrays if ".parameters" in name]:
        values = arrays[name].copy()
        values.flat[-1] = np.nan
        message = refusal(path, pack("auction", content, {**arrays, name: values}))
        assert re.search(r"the weights \w+\.\w+ are not finite", message)


def signed(metadata, arrays=b"", **changes):
    """Return a file with this header and a correct checksum."""
    metadata = {"sklauction": "auction", "format": "1", "checksum": "0" * 64, **metadata}
    header = json.dumps({"__metadata__": metadata, **changes}, separators=(",", ":")).encode()
    data = len(header).to_bytes(8, "little") + header + arrays
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


def array(dtype, shape, start=0, end=0):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def with_arrays(data=b"", **arrays):
    return signed({"content": "{}"}, data, **arrays)


HEADERS = {
    "a checkpoint": (signed({"sklauction": "checkpoint"}), "a file of the kind 'checkpoint'"),
    "no content": (signed({}), "its content is not a JSON object"),
    "content of another type": (signed({"content": {}}), "its content is not a JSON object"),
    "content of null": (signed({"content": "null"}), "its content is not a JSON object"),
    "no JSON": (signed({"content": "{"}), "Expecting property name"),
    "deep lists": (signed({"content": '{"a":' + "[" * 10**6}), "too deeply nested"),
    "deep objects": (signed({"content": '{"a":' * 10**5}), "too deeply nested"),
    "long number": (signed({"content": '{"a":' + "9" * 10**5 + "}"}), "integer string conversion"),
    "kind of another type": (signed({"sklauction": ["auction"]}), "of the kind \\['auction'\\]"),
    "format of another type": (signed({"format": 1}), "it has format 1, written by sklauction"),
    "terabytes": (with_arrays(a=array("F64", [2**40])), "arrays are malformed"),
    "terabytes declared": (with_arrays(a=array("F64", [2**37], 0, 2**40)), "checksum is wrong"),
    "uncountable": (with_arrays(a=array("F64", [2**40, 2**40])), "its arrays are malformed"),
    "empty but long": (with_arrays(a=array("F64", [2**40, 0])), "'a' is malformed"),
    "negative": (with_arrays(a=array("F64", [-1])), "its arrays are malformed"),
    "many axes": (with_arrays(b"\0", a=array("U8", [1] * 99, 0, 1)), "dimension"),
    "overlapping": (
        with_arrays(b"\0", a=array("U8", [1], 0, 1), b=array("U8", [1], 0, 1)),
        "its arrays are malformed",
    ),
    "unknown numbers": (with_arrays(b"12", a=array("BF16", [1], 0, 2)), "malformed"),
    "complex": (with_arrays(b"\0" * 8, a=array("C64", [1], 0, 8)), "'a' is malf"),
    "bools above 1": (with_arrays(b"\7", a=array("BOOL", [1], 0, 1)), "hold bools"),
    "offsets of another type": (with_arrays(a={"data_offsets": 1}), "checksum is"),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_malformed_headers_are_refused(kind, path):
    data, message = HEADERS[kind]
    refused = refusal(path, data)
    assert re.search(message, refused), refused


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(path):
    for start in (b"\0" * 8, (10**11).to_bytes(8, "little"), FILES["rochetnet"]):
        with open(path, "wb") as file:
            file.write(start)
            file.truncate(2**40)
        with pytest.raises(ValueError, match="checksum is wrong"):
            load_auction(path)


# Loads files one by one, and prints by how many KiB the peak memory has grown.
MEASURED = """
import resource, sys
from sklauction import load_auction
load_auction(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        load_auction(path)
    except ValueError as error:
        assert str(error).startswith(path), error
    else:
        raise SystemExit(path)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def wide_network():
    """Return a file of 1.2 MB whose network takes 384 MB for one profile."""
    shape = NetworkDesign(
        n_bidders=2,
        n_items=6000,
        demand="additive",
        alike_bidders=True,
        alike_items=True,
        hidden_layer_sizes=(4000,),
        activation="silu",
    )
    network = build_seeded(lambda: EquivariantAuctioneer(shape), torch.Generator())
    support = np.tile([0.0, 1.0], (2, 6000, 1))
    auction = load_auction(FOLDER / "algnet.safetensors")
    auction.mechanism_ = TorchMechanism.from_training(network, 1.0, support)
    auction.n_items_, auction.n_features_in_, auction.support_ = 6000, 12_000, support
    encoder = Encoder()
    data = pack("auction", {"auction": encoder.encode(auction, "")}, encoder.arrays)
    assert len(data) < 1_300_000
    return data


def test_small_files_take_little_memory(path, run_python):
    made = {kind: data for kind, (data, _) in HEADERS.items() if not kind.startswith("deep")}
    made |= {kind: edited(old, new) for kind, (old, new, _) in EDITED.items()}
    made["many entries, wide layers"] = wide_network()
    files = []
    for k, data in enumerate(made.values()):
        files.append(path.with_name(f"{k}.safetensors"))
        files[-1].write_bytes(data)
    growth = run_python("-c", MEASURED, FOLDER / "algnet.safetensors", *files)
    # Several times the size of the largest file, 1.2 MB, and room for modules.
    assert int(growth) < 20_000
