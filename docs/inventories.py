"""The names of other projects that these pages link to, for a build without a network connection."""

import zlib
from pathlib import Path

# By project: where its pages are, and the page of each name. ``$`` stands for the name.
NAMES = {
    "python": (
        "https://docs.python.org/3/",
        {
            "pathlib.Path": "library/pathlib.html#$",
            "collections.abc.Callable": "library/collections.abc.html#$",
            "collections.abc.Iterable": "library/collections.abc.html#$",
            "collections.abc.Iterator": "library/collections.abc.html#$",
            "collections.abc.Mapping": "library/collections.abc.html#$",
            "collections.abc.Sequence": "library/collections.abc.html#$",
            "ValueError": "library/exceptions.html#$",
            "bool": "library/functions.html#$",
            "bytes": "library/stdtypes.html#$",
            "dict": "library/stdtypes.html#$",
            "float": "library/functions.html#$",
            "int": "library/functions.html#$",
            "list": "library/stdtypes.html#$",
            "str": "library/stdtypes.html#$",
            "tuple": "library/stdtypes.html#$",
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        {
            "numpy.ndarray": "reference/generated/$.html#$",
            "numpy.random.Generator": "reference/random/generator.html#$",
        },
    ),
    "matplotlib": (
        "https://matplotlib.org/stable/",
        {
            "matplotlib.axes.Axes": "api/_as_gen/$.html#$",
            "matplotlib.figure.Figure": "api/_as_gen/$.html#$",
        },
    ),
    "brian2": (
        "https://brian2.readthedocs.io/en/stable/",
        {
            f"brian2.{module}.{name}": f"reference/brian2.{module}.{name}.html#$"
            for module, name in (
                ("groups.neurongroup", "NeuronGroup"),
                ("synapses.synapses", "Synapses"),
                ("units.fundamentalunits", "Quantity"),
            )
        },
    ),
}


def write_inventories(folder: Path) -> dict[str, tuple[str, tuple[str | None, str]]]:
    """Write an inventory for each project, and return what Sphinx calls ``intersphinx_mapping``.

    An inventory of the project's own is asked for first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mapping: dict[str, tuple[str, tuple[str | None, str]]] = {}
    for project, (address, names) in NAMES.items():
        header = (
            f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n# The rest is compressed using zlib.\n"
        )
        kinds = {name: "exception" if name.endswith("Error") else "class" for name in names}
        lines = "".join(f"{name} py:{kinds[name]} 1 {page} -\n" for name, page in names.items())
        file = folder / f"{project}.inv"
        file.write_bytes(header.encode() + zlib.compress(lines.encode()))
        mapping[project] = (address, (None, str(file)))
    return mapping
