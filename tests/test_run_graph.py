"""NIR graphs of others run on input spikes, from Python and by a command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikehebb.export import graph_circuit, write_nir
from spikehebb.jobs import read_spikes, run_graph
from tests import nir_reference
from tests.test_cli import refused, run
from tests.test_export_to_circuit import DT, TIMING


@pytest.mark.long
@pytest.mark.parametrize("name", ["a loop of two layers", "delays"])
def test_every_presentation_is_answered_alone(name: str) -> None:
    """Also where spikes are still on their way when the next one begins."""
    made, rng = TIMING[name], np.random.default_rng(0)
    shown = (rng.random((3, 25, 6)) < 0.4).astype(np.uint8)
    answered = run_graph(graph_circuit(made), {"input": shown})
    for number, spikes in enumerate(shown):
        theirs = nir_reference.run(made, {"input": spikes}, DT, 25)["b"]
        np.testing.assert_array_equal(answered.outputs["output"][number], theirs)
        assert answered.totals["output"][number].tolist() == theirs.sum(axis=0).tolist()
    assert answered.totals["output"].sum() > 10
    assert answered.spikes["input"] == pytest.approx(shown.sum() / 3)


def test_by_a_command(tmp_path: Path) -> None:
    made = TIMING["a connection that skips a layer"]
    spikes = (np.random.default_rng(1).random((30, 6)) < 0.4).astype(np.uint8)
    write_nir(made, tmp_path / "net.nir")
    np.savez(tmp_path / "in.npz", spikes)
    net, shown, out = (tmp_path / name for name in ("net.nir", "in.npz", "out.npz"))
    report = json.loads(run("nir", net, "--input", shown, "--out", out, "--json").stdout)
    theirs = nir_reference.run(made, {"input": spikes}, DT, 30)["b"]
    assert report["totals"]["output"] == [theirs.sum(axis=0).tolist()]
    assert report["answers"]["output"] == [int(theirs.sum(axis=0).argmax())]
    assert {name: part["level"] for name, part in report["populations"].items()} == {"input": 0, "a": 1, "b": 2}
    with np.load(out) as written:
        np.testing.assert_array_equal(written["output"][0], theirs)
    assert "within the step" in run("nir", net).stdout
    wrong = tmp_path / "wrong.npz"
    for arrays, message in (
        ({"input": 2 * spikes}, "spikes of input 'input' must be 0 or 1 in each step"),
        (
            {"input": spikes[:, :3]},
            "spikes of input 'input' must have shape (steps, 6), or presentations of that, got (30",
        ),
        ({"inpt": spikes, "more": spikes}, "no spikes are given for input 'input' of the graph (input)"),
        ({"input": spikes, "more": spikes}, "the graph has no input 'more'"),
    ):
        np.savez(wrong, allow_pickle=False, **arrays)
        assert message in refused(run("nir", net, "--input", wrong))
    assert "--out keeps what the graph answers; give it spikes" in refused(run("nir", net, "--out", out))
    assert read_spikes(shown, graph_circuit(made))["input"].shape == (30, 6)
