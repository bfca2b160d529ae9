"""A short seeded sample of the campaign, on what is quick; and that the campaign sees what is wrong."""

from __future__ import annotations

import contextlib
import json
import pickle
from pathlib import Path

import pytest

from tests.campaign import commands, damage, disks, files, kills, neighbours, repeats, signals
from tests.campaign.case import VERDICTS, Case, Done, Fault, check_end, check_no_code, judged

NEEDS_NO_JOB = ("image png", "IDX", "PyTorch", "spike times", "measurements", "words", "rule", "network")
MODEL = Path(__file__).parent.parent / "models" / "digits-soft-wta" / "checkpoint.npz"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack the quickest job, and the files that need none."""
    monkeypatch.setattr(commands, "JOBS", {"dense": commands.JOBS["dense"]})
    monkeypatch.setattr(signals, "BRIEF", {})
    network = files.Subject(
        make=files.written("x.npz", MODEL.read_bytes()), reader="network", damages=damage.BYTES | damage.NPZ
    )
    subjects = {name: subject for name, subject in files.SUBJECTS.items() if name in NEEDS_NO_JOB}
    monkeypatch.setattr(files, "SUBJECTS", subjects | {"network": network})
    monkeypatch.setattr(files, "_ORDER", [*subjects, *["network"] * 6])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.mark.parametrize(
    ("attack", "cases"),
    [(files, 30), (kills, 1), (signals, 1), (disks, 1), (neighbours, 1), (repeats, 1)],
)
def test_a_sample(attack: object, cases: int, shared: Path, tmp_path: Path) -> None:
    found = [judged(attack, number, 0, shared, tmp_path / str(number))[:3] for number in range(cases)]  # type: ignore[arg-type]
    assert [each for each in found if each[0] != "ok"] == []
    assert len({what for _, what, _ in found}) > cases / 3  # so that they differ


def test_a_case_is_repeated_by_its_seed_and_number(tmp_path: Path) -> None:
    drawn: list[bytes] = []
    for seed, number in ((0, 7), (0, 7), (0, 8), (1, 7)):
        folder = tmp_path / str(len(drawn))
        case = Case(kind="files", number=number, seed=seed, folder=folder, shared=tmp_path)
        drawn.append(damage.flip(case.random, bytes(1000)))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


@pytest.mark.parametrize(
    ("done", "verdict"),
    [
        (Done(code=1, out="", err="Traceback (most recent call last):\nKeyError: 'a'\n", seconds=1), "traceback"),
        (Done(code=-11, out="", err="", seconds=1), "traceback"),
        (Done(code=2, out="", err="spikehebb: \n", seconds=1), "traceback"),
        (Done(code=2, out="", err="spikehebb: no file \x1b[31m\n", seconds=1), "wrong"),
    ],
)
def test_bad_ends_are_seen(done: Done, verdict: str) -> None:
    with pytest.raises(Fault) as caught:
        check_end(done, 0, 2)
    assert caught.value.verdict == verdict
    check_end(Done(code=2, out="", err="spikehebb: there is no file x.\n", seconds=1), 0, 2)


@pytest.mark.parametrize(
    ("answer", "may_give", "verdict"),
    [
        ({"value": "a"}, damage.REFUSED, "wrong"),
        ({"value": "b"}, damage.SAME, "wrong"),
        ({"value": "b"}, damage.FREE, "ok"),
        ({"value": "a"}, damage.SAME, "ok"),
        ({"refused": "x is damaged."}, damage.SAME, "ok"),
        ({"refused": ""}, damage.SAME, "traceback"),
        ({"hang": "no end"}, damage.FREE, "hang"),
        ({"memory": "no room"}, damage.FREE, "memory"),
        ({"value": "a", "bytes": 2 << 30}, damage.FREE, "memory"),
    ],
)
def test_bad_answers_are_seen(answer: dict[str, object], may_give: str, verdict: str, tmp_path: Path) -> None:
    assert verdict in VERDICTS
    caught = contextlib.nullcontext() if verdict == "ok" else pytest.raises(Fault)
    with caught as fault:
        files.judge({"bytes": 0, **answer}, may_give, {"value": "a"}, tmp_path)
    assert fault is None or fault.value.verdict == verdict


def test_another_result_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number changed, a file missing, a file left behind; times do not count."""
    for name in ("whole", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"accuracy": 0.5, "seconds": len(name)}))
    monkeypatch.setattr(commands, "whole", lambda name, shared: tmp_path / "whole")
    commands.check_same(tmp_path / "out", "learn", tmp_path)
    (tmp_path / "out" / ".run.json-abcdefgh").touch()
    with pytest.raises(Fault, match="left behind"):
        commands.check_same(tmp_path / "out", "learn", tmp_path)
    (tmp_path / "out" / ".run.json-abcdefgh").unlink()
    (tmp_path / "out" / "run.json").write_text(json.dumps({"accuracy": 0.25}))
    with pytest.raises(Fault, match="another result"):
        commands.check_same(tmp_path / "out", "learn", tmp_path)
    (tmp_path / "out" / "run.json").unlink()
    with pytest.raises(Fault) as caught:
        commands.check_same(tmp_path / "out", "learn", tmp_path)
    assert caught.value.verdict == "lost"


def test_hostile_pickles_would_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: damage.Random) -> None:
    """Where something loads them, the canary is there."""
    monkeypatch.setenv(damage.CANARY, str(tmp_path / "canary"))
    check_no_code(tmp_path / "canary")
    with contextlib.suppress(TypeError):  # None is no key
        pickle.loads(damage.hostile_pickle(rng, b""))  # noqa: S301
    with pytest.raises(Fault, match="run"):
        check_no_code(tmp_path / "canary")
