"""Ways to damage a file: each takes random numbers and the content, and returns a damaged content.

What a reader may make of it: ``REFUSED``, nothing but a sentence; ``SAME``, a sentence or the values of the undamaged
file; ``FREE``, a sentence or what the file now says.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence, Sized
from typing import Any

import numpy as np

REFUSED, SAME, FREE = "refused", "same", "free"
Random = np.random.Generator
Damage = Callable[[Random, bytes], bytes]
Damages = dict[str, tuple[Damage, str]]
CANARY = "CANARY"  # an environment variable: the file that hostile code would make
ESCAPE = "\x1b]0;owned\x07\x1b[31m$\\frac{$"  # a name that changes a terminal's title, and is mathtext

# Raw JSON that stands where something else should.
HOSTILE = (
    *("null", "true", "-1", "0", "1.5", "1e308", "1e999", "-Infinity", "NaN", '""', "[]", "{}", "[true, 8, 8]", '"0"'),
    *("9" * 400, "9" * 5000, "[" * 100_000 + "]" * 100_000, json.dumps("x" * 1_000_000), json.dumps(ESCAPE)),
    *("18446744073709551616", '{"__proto__": 1}', "[[[]]]", '[3, "a"]', '"../../etc/passwd"', '"\\ud800"', '"\\u0000"'),
)
TOKENS = (
    *(
        b"nan",
        b"inf",
        b"-inf",
        b"1e308",
        b"1e999",
        b"-1",
        b"0",
        b"",
        b"1_0",
        b"0x10",
        b"1,5",
        b"abc",
        b"1e-320",
        b"\x00",
    ),
    *(b"\xff\xfe", "\u0661".encode(), b'"', b"'" * 3, b"#", ESCAPE.encode(), b"9" * 5000, b"x" * 2_000_000, b"\r"),
)


def at(random: Random, content: Sized) -> int:
    return int(random.integers(max(len(content), 1)))


def pick[T](random: Random, options: Sequence[T]) -> T:
    return options[at(random, options)]


# --- any file


def flip(random: Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 9)) if changed else 0):
        changed[at(random, changed)] ^= 1 << int(random.integers(8))
    return bytes(changed)


def cut(random: Random, content: bytes) -> bytes:
    return content[: at(random, content)]


def blank(random: Random, content: bytes) -> bytes:
    start = at(random, content)
    size = min(int(2 ** random.uniform(3, 14)), len(content) - start)
    return content[:start] + bytes(size) + content[start + size :]


def swap(random: Random, content: bytes) -> bytes:
    a, b = sorted((at(random, content), at(random, content)))
    return content[b:] + content[a:b] + content[:a]


def foreign(random: Random, content: bytes) -> bytes:
    kinds = (b"", b"\n", b"{}", b"[]", b"PK\5\6" + bytes(18), b"\x89HDF\r\n\x1a\n", b"\x93NUMPY", random.bytes(8) * 99)
    return pick(random, (*kinds, zlib.compress(bytes(99)), gzip.compress(b"x"), b"<html>" * 40, pickle.dumps({})))


class _Hostile:
    def __reduce__(self) -> Any:
        return exec, (f"import os; open(os.environ[{CANARY!r}], 'w').close()",)


def hostile_pickle(random: Random, content: bytes) -> bytes:
    again: Any = _Hostile()
    wrapped = pick(random, (again, [again], {"state_dict": again}, {again: 1}, (b"labels", again)))
    return pickle.dumps(wrapped, protocol=int(random.integers(6)))


def big_pickle(random: Random, content: bytes) -> bytes:
    """``bytearray(3 * 2**30)``, in a few bytes."""
    return b"\x80\x02c__builtin__\nbytearray\n" + b"\x8a\x05" + (3 << 30).to_bytes(5, "little") + b"\x85R."


def hostile_torch(random: Random, content: bytes) -> bytes:
    """The pickle of a PyTorch file, which is an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pick(random, (hostile_pickle, big_pickle))(random, b""))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


BYTES: Damages = {
    "flipped bits": (flip, SAME),
    "cut off": (cut, SAME),
    "a stretch of zeros": (blank, SAME),
    "parts in another order": (swap, SAME),
    "twice in a row": (lambda random, content: content * 2, SAME),
    "something appended": (lambda random, content: content + random.bytes(99), SAME),
}
FOREIGN: Damages = {
    "another kind of file": (foreign, REFUSED),
    "a hostile pickle": (hostile_pickle, REFUSED),
    "a pickle that asks for 3 GiB": (big_pickle, REFUSED),
    "a hostile PyTorch file": (hostile_torch, REFUSED),
}


# --- JSON


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return all containers in plain data, with the keys in them."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [(value, key) for key, _ in items] + [place for _, item in items for place in places(item)]


def json_entry(random: Random, content: bytes) -> bytes:
    """Put something hostile in the place of an entry."""
    value = json.loads(content)
    container, key = pick(random, places(value) or [([value], 0)])
    container[key] = "a place of its own"
    return json.dumps(value).replace('"a place of its own"', pick(random, HOSTILE)).encode("utf-8", "surrogatepass")


def json_missing(random: Random, content: bytes) -> bytes:
    value = json.loads(content)
    container, key = pick(random, places(value))
    del container[key]
    return json.dumps(value).encode()


def json_twice(random: Random, content: bytes) -> bytes:
    """Name an entry twice, the second time with another value."""
    value = json.loads(content)
    key = pick(random, list(value))
    return (json.dumps(value)[:-1] + f", {json.dumps(key)}: {pick(random, HOSTILE)}}}").encode()


def json_whole(random: Random, content: bytes) -> bytes:
    return pick(random, HOSTILE).encode()


JSON: Damages = {
    "a hostile entry": (json_entry, SAME),
    "an entry missing": (json_missing, SAME),
    "an entry twice": (json_twice, SAME),
    "hostile as a whole": (json_whole, REFUSED),
}


# --- npz: an archive of arrays, with a header of JSON

Members = list[tuple[str, bytes]]


def npz(change: Callable[[Random, Members], Members]) -> Damage:
    """Return a damage to the members of an archive, whose checksums are right again afterwards."""

    def damage(random: Random, content: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in change(random, members):
                archive.writestr(name, data)
        return file.getvalue()

    return damage


def npy(array: Any, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=pickled)
    return file.getvalue()


def one_array(change: Callable[[Random, Any], Any]) -> Callable[[Random, Members], Members]:
    """Return a change of one array of an archive, other than the header."""

    def damage(random: Random, members: Members) -> Members:
        number = pick(random, [number for number, (name, _) in enumerate(members) if name != "header.npy"] or [0])
        name, data = members[number]
        changed = change(random, np.load(io.BytesIO(data)))
        return [
            *members[:number],
            (name, changed if isinstance(changed, bytes) else npy(changed)),
            *members[number + 1 :],
        ]

    return damage


def header(change: Damage) -> Callable[[Random, Members], Members]:
    """Return a change of the JSON in the header of an archive."""

    def damage(random: Random, members: Members) -> Members:
        changed = dict(members)
        text = np.load(io.BytesIO(changed["header.npy"])).tobytes()
        changed["header.npy"] = npy(np.frombuffer(change(random, text), np.uint8))
        return list(changed.items())

    return damage


def other_type(random: Random, array: Any) -> Any:
    kinds = (
        "U3",
        "complex128",
        "bool",
        "float128",
        "datetime64[s]",
        "S5",
    )
    return np.zeros(array.shape, pick(random, kinds))


def other_shape(random: Random, array: Any) -> Any:
    shapes = ((), (0,), (*array.shape, 1), array.shape[1:], (array.size + 1,), array.shape[::-1], (1,) * 30)
    other = [shape for shape in shapes if shape != array.shape]
    return np.zeros(pick(random, other), array.dtype)


def hostile_number(random: Random, array: Any) -> Any:
    changed = np.array(array, order="C")
    match array.dtype.kind:
        case "f":
            value = pick(random, (np.nan, np.inf, -np.inf))
        case "u":
            value = np.iinfo(array.dtype).max
        case _:
            value = changed.dtype.type(-1)
    changed.reshape(-1)[at(random, changed.reshape(-1))] = value
    return changed


def npy_header(random: Random, array: Any) -> bytes:
    """A header of an array that is a bomb, or promises what does not follow."""
    sizes = (1 << 40, (1 << 63) - 1, 3 << 30)
    shape = f"({pick(random, sizes)}, {pick(random, (1, 8))})"
    texts = (
        "(" * 3000 + ")" * 3000,
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|V1073741824', 'fortran_order': False, 'shape': (4,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2), }",
        "{'descr': '<f8', 'shape': (1,), }",
        "__import__('os').system('touch $CANARY')",
        "1+" * 5000 + "1",
    )
    text = pick(random, texts).encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + bytes(64)


def spaces(random: Random, array: Any) -> bytes:
    """A header of 1.5 GiB of spaces, which compresses to a few MB."""
    size = 3 << 29
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + b" " * size


def zeros(random: Random, array: Any) -> bytes:
    return npy(array) + bytes(3 << 29)


def pickled(random: Random, array: Any) -> bytes:
    return npy(np.array([_Hostile()], dtype=object), pickled=True)


def renamed(random: Random, members: Members) -> Members:
    number = at(random, members)
    name, data = members[number]
    others = (name.removesuffix(".npy"), name.upper(), f"../{name}", f"/{name}", ESCAPE + ".npy", "")
    return [*members[:number], (pick(random, others), data), *members[number + 1 :]]


def twice(random: Random, members: Members) -> Members:
    """Name a member twice, with other content."""
    name, data = pick(random, members)
    return [*members, (name, pick(random, (data[:-8] + bytes(8), pick(random, members)[1])))]


def other_kind(random: Random, members: Members) -> Members:
    """Give a checkpoint's arrays another kind of network."""
    kinds = ("digits", "converted", "nothing", ESCAPE)  # a converted network is a SoftHebb model, too

    def change(random: Random, text: bytes) -> bytes:
        value = json.loads(text)
        return json.dumps(
            value | {"kind": pick(random, [kind for kind in kinds if kind != value.get("kind")])}
        ).encode()

    return header(change)(random, members)


NPZ: Damages = {
    "a hostile entry of the header": (npz(header(json_entry)), SAME),
    "an entry of the header missing": (npz(header(json_missing)), SAME),
    "an entry of the header twice": (npz(header(json_twice)), SAME),
    "a hostile header": (npz(header(json_whole)), REFUSED),
    "another kind of network": (npz(other_kind), REFUSED),
    "a member missing": (
        npz(lambda random, members: members[: (n := at(random, members))] + members[n + 1 :]),
        REFUSED,
    ),
    "a member twice": (npz(twice), REFUSED),
    "a member renamed": (npz(renamed), REFUSED),
    "a member more": (npz(lambda random, members: [*members, ("more.npy", npy(np.zeros(3)))]), REFUSED),
    "an array of another type": (npz(one_array(other_type)), REFUSED),
    "an array of another shape": (npz(one_array(other_shape)), REFUSED),
    "a number that cannot be": (npz(one_array(hostile_number)), REFUSED),
    "a hostile header of an array": (npz(one_array(npy_header)), REFUSED),
    "a pickled array": (npz(one_array(pickled)), REFUSED),
    "a damaged member with a right checksum": (
        npz(one_array(lambda random, array: npy(array)[: -1 - at(random, npy(array))])),
        REFUSED,
    ),
}
BOMBS: Damages = {
    "a header of 1.5 GiB of spaces": (npz(one_array(spaces)), REFUSED),
    "1.5 GiB of zeros behind an array": (npz(one_array(zeros)), SAME),
}


# --- text in lines


def token(random: Random, content: bytes) -> bytes:
    """Put something hostile in the place of a word."""
    words = list(re.finditer(rb"[^\s,;]+", content))
    word = pick(random, words)
    return content[: word.start()] + pick(random, TOKENS) + content[word.end() :]


def line(random: Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    number, other = at(random, lines), at(random, lines)
    changed = pick(random, ([], [lines[number]] * 2, [lines[other]], [pick(random, TOKENS) + b"\n"]))
    return b"".join([*lines[:number], *changed, *lines[number + 1 :]])


TEXT: Damages = {
    "a hostile word": (token, FREE),
    "a hostile line": (line, FREE),
    "UTF-16": (lambda random, content: content.decode(errors="replace").encode("utf-16"), FREE),
}


# --- HDF5


def hdf5(change: Callable[[Random, Any], None]) -> Damage:
    """Return a damage to the groups and data sets of a file."""

    def damage(random: Random, content: bytes) -> bytes:
        import h5py

        file = io.BytesIO(content)
        with h5py.File(file, "r+") as root:
            change(random, root)
        return file.getvalue()

    return damage


def data_of(root: Any) -> list[str]:
    import h5py

    names: list[str] = []
    root.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def hdf5_value(random: Random, root: Any) -> None:
    """Replace a data set by something hostile."""
    name = pick(random, data_of(root))
    before = root[name][()]
    like = np.asarray(before)
    values: list[Any] = [
        np.nan,
        -1.0,
        1e308,
        np.inf,
        "",
        ESCAPE,
        "Nothing",
        np.zeros((0,)),
        np.zeros((2, 3, 4)),
        True,
        b"\xff" * 9,
    ]
    if like.dtype.kind == "f" and like.size:
        values += [np.full(like.shape, value) for value in (np.nan, np.inf, 1e308, -1.0)]
        values += [np.zeros((*like.shape, 2)), like.astype(complex), like.reshape(-1)[:-1]]
    del root[name]
    root[name] = pick(random, values)


def hdf5_unwritten(random: Random, root: Any) -> None:
    """Promise an array of bytes that nobody wrote: 1 GiB in the file's words, 8 GiB as floating-point numbers."""
    name = pick(random, data_of(root))
    del root[name]
    root.create_dataset(name, shape=(1 << 15, 1 << 15), dtype="u1", chunks=(1 << 12, 1 << 12))


def hdf5_missing(random: Random, root: Any) -> None:
    names: list[str] = []
    root.visit(names.append)
    del root[pick(random, names)]


def hdf5_link(random: Random, root: Any) -> None:
    import h5py

    name = pick(random, [name for name in data_of(root) if name != "version"])  # which nobody reads
    del root[name]
    links = (h5py.SoftLink("/"), h5py.SoftLink("/nowhere"), h5py.ExternalLink("/etc/passwd", "/"), h5py.SoftLink(name))
    root[name] = pick(random, links)


def hdf5_deep(random: Random, root: Any) -> None:
    group = root[pick(random, [name for name in ("/", "/node", "/node/nodes") if name in root])]
    for _ in range(2000):
        group = group.create_group("nodes" if "nodes" not in group else "deep")


HDF5: Damages = {
    "a hostile value": (hdf5(hdf5_value), SAME),
    "chunks that nobody wrote": (hdf5(hdf5_unwritten), REFUSED),
    "something missing": (hdf5(hdf5_missing), SAME),
    "a link": (hdf5(hdf5_link), REFUSED),
    "groups 2,000 deep": (hdf5(hdf5_deep), SAME),
}


# --- images, packed files, IDX


def png_bomb(random: Random, content: bytes) -> bytes:
    """A header of 30,000 x 30,000 pixels, and a line of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = int(pick(random, (30_000, 60_000, (1 << 31) - 1)))
    head = struct.pack(">IIBBBBB", size, size, 8, int(pick(random, (0, 2, 6))), 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def pgm_bomb(random: Random, content: bytes) -> bytes:
    return b"P5 60000 60000 255\n" + bytes(100)


def packed_bomb(random: Random, content: bytes) -> bytes:
    """1.5 GiB of zeros."""
    if content[:2] == b"\x1f\x8b":
        return gzip.compress(bytes(1 << 24), 1) * 96
    return lzma.compress(bytes(1 << 24), preset=0) * 96


def idx_header(random: Random, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[int(random.integers(min(16, len(changed))))] = int(random.integers(256))
    return bytes(changed)


IMAGE: Damages = {"a PNG of 30,000 pixels or more": (png_bomb, REFUSED), "a PGM of 60,000 pixels": (pgm_bomb, REFUSED)}
PACKED: Damages = {"1.5 GiB of zeros, packed": (packed_bomb, REFUSED)}
IDX: Damages = {"another header": (idx_header, FREE)}
