"""A PyTorch checkpoint becomes a run folder, and goes back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from spikehebb.jobs import import_softhebb
from spikehebb.softhebb import Model, find, load_model, training
from spikehebb.softhebb.torch_files import read_torch, write_torch

pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")


@pytest.fixture
def model() -> Model:
    network = find("cifar-1").network((3, 12, 10))
    return Model(network=network, layers=training.start(network, 0))


def test_a_checkpoint_becomes_a_run_and_goes_back(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "there.pth.tar"
    write_torch(model, file)
    report = import_softhebb(file, tmp_path / "run", image_shape=(3, 12, 10))
    assert json.loads((tmp_path / "run" / "run.json").read_text()) == json.loads(json.dumps(report))
    assert report["source"] == {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert report["layers"][0]["norm_mean"] == pytest.approx(25, rel=0.05)
    imported = load_model(tmp_path / "run")
    assert imported.network == model.network
    write_torch(imported, tmp_path / "back.pth")
    back = read_torch(tmp_path / "back.pth", (3, 12, 10))
    assert (back.layers[0].weight == model.layers[0].weight).all()


def test_another_run_is_not_replaced(model: Model, tmp_path: Path) -> None:
    write_torch(model, tmp_path / "a.pth")
    import_softhebb(tmp_path / "a.pth", tmp_path / "run", image_shape=(3, 12, 10))
    before = (tmp_path / "run" / "checkpoint.npz").read_bytes()
    with pytest.raises(FileExistsError, match="holds another run"):
        import_softhebb(tmp_path / "a.pth", tmp_path / "run", image_shape=(3, 12, 10))
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == before


def test_a_bad_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_text("no tensors")
    with pytest.raises(ValueError, match="is no PyTorch file"):
        import_softhebb(tmp_path / "bad.pth", tmp_path / "run")
    assert not (tmp_path / "run").exists()
