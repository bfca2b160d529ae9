"""Measurements: the published points are those of the sources, and every wrong file is one clear sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brian2 import ms

from spikehebb.core import digest
from spikehebb.datasets.measurements import PUBLISHED, Measurements, read
from spikehebb.rules import triplet_vc_full


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "measured.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_published_points_give_the_published_error_of_the_triplet_rule() -> None:
    """Section 6.2 of the reference: predictions of the full set, and E = 0.342, the mean over the ten points."""
    predicted = {
        "sjostrom2001_plus10": [0.0000, 0.1321, 0.2470, 0.5337, 0.7409],
        "sjostrom2001_minus10": [-0.3122, -0.3336, -0.3516, 0.1548, 0.7272],
    }
    squares = []
    for name, model in predicted.items():
        data = PUBLISHED[name]
        assert data.error is not None
        squares += [((data.change - model) / data.error) ** 2]
    assert np.mean(squares) == pytest.approx(0.342, abs=5e-4)
    assert triplet_vc_full.parameters["A3_plus"] == 6.2e-3  # the set that they are predictions of


def test_published_points_say_what_they_are() -> None:
    for name, lag in (("sjostrom2001_plus10", 10 * ms), ("sjostrom2001_minus10", -10 * ms)):
        data = PUBLISHED[name]
        assert data.name == name
        assert data.variable == "frequency_hz"
        assert data.x.tolist() == [0.1, 10, 20, 40, 50]
        assert data.lag == lag
        assert "Neuron 32:1149-1164, 2001" in str(data.reference)
        assert len(digest(data)) == 64


@pytest.mark.parametrize(
    "content",
    [
        "lag_ms,change,error\n-10,-0.2,0.1\n10,0.4,0.2\n",
        "\ufefflag_ms,change,error\r\n-10,-0.2,0.1\r\n10,0.4,0.2",
        "error;cell;change;lag_ms\n0.1;a;-0.2;-10\n0.2;b, c;0.4;10\n",
        "# my cells\n\n lag_ms\tchange\terror \n-10\t-0.2\t.1\n# no good: 12\t9\t9\n\t\t\n10\t4e-1\t0.2\n\n",
        'lag_ms,note,"change",error\n-10,"a, b",-0.2,0.1\n"10","",0.4,0.2\n,,,\n',
    ],
    ids=["plain", "bom-and-crlf", "semicolons", "tabs-and-comments", "quotes"],
)
def test_a_table_is_read_in_every_usual_form(tmp_path: Path, content: str) -> None:
    data = read(written(tmp_path, content))
    assert (data.name, data.variable) == ("measured", "lag_ms")
    assert data.x.tolist() == [-10, 10]
    assert data.change.tolist() == [-0.2, 0.4]
    assert data.error is not None
    assert data.error.tolist() == [0.1, 0.2]


def test_errors_are_optional_and_frequencies_are_read(tmp_path: Path) -> None:
    data = read(str(written(tmp_path, "frequency_hz,change\n0.1,-0.04\n50,0.56\n")))
    assert (data.variable, data.error, data.x.tolist()) == ("frequency_hz", None, [0.1, 50])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "measured.csv is empty; its first line must name the columns lag_ms or frequency_hz, change and"),
        ("# nothing but this\n\n", "measured.csv is empty"),
        ("lag_ms,change\n", "measured.csv has a header but no measurements; write one per line below it."),
        ("lag_ms,chnge\n1,2\n", "line 1 has no column change, only lag_ms, chnge; name the columns"),
        ("lag_ms,chnge\n1,2\n", "You wrote 'chnge': Did you mean 'change'? (change)"),
        ("# a\nlag,change\n1,2\n", "line 2 has no column lag_ms or frequency_hz, only lag, change;"),
        ("lag,change\n1,2\n", "You wrote 'lag': Did you mean 'lag_ms'? (lag_ms, frequency_hz, pre_post_pre_ms, "),
        ("a,b\n1,2\n", "has no column lag_ms or frequency_hz and no column change, only a, b;"),
        ("10 0.4\n", "line 1 has no column"),
        ("-10,0.4\n10,0.2\n", "line 1 holds numbers (-10, 0.4), but the first line must name the columns"),
        ("lag_ms,change,change\n1,0.2,0.2\n", "line 1 names the column change twice; keep one."),
        ("lag_ms,frequency_hz,change\n1,2,0.3\n", "has both lag_ms and frequency_hz; keep the one that was varied"),
        ("lag_ms,change\n5,0.1\n\n10,high\n", "line 4: change must be a number, got 'high'; write it as in 0.25."),
        ("lag_ms;change\n5;0,1\n", "line 2: change must be a number, got '0,1'; write it as in 0.25 with a decimal"),
        ("lag_ms,change\n5,\n", "line 2: change is empty; write a number there, or take the line out."),
        ("lag_ms,change\n5,nan\n", "line 2: change must be a finite number, got nan."),
        ("lag_ms,change\ninf,0.1\n", "line 2: lag_ms must be a finite number, got inf."),
        ("lag_ms,change\n1_0,0.1\n", "line 2: lag_ms must be a number, got '1_0'"),
        ("lag_ms,change,error\n5,0.1,0\n", "line 2: error must be above 0; leave the column out where errors are unk"),
        ("lag_ms,change,error\n5,0.1,-1\n", "line 2: error must be above 0"),
        ("frequency_hz,change\n0,0.1\n", "line 2: frequency_hz must be above 0, got 0."),
        ("lag_ms,change\n5,-30\n", "line 2: change must be at least -1 (all of the weight gone); of percent take a"),
        ("lag_ms,change\n5,0.1\n7,0.1,3\n", "line 3 has 3 columns, but the header 2: lag_ms, change."),
        ('lag_ms,change\n5,"0.1\n', "line 2 cannot be split into columns (unexpected end of data); check its quotes."),
        (b"lag_ms,change\n5,0.1 \xb5\n", "line 2: byte 0xb5 is not UTF-8 text; save the table as 'CSV UTF-8'."),
        ("lag_ms,change\n5,0.1\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8 text"),
        (b"PK\x03\x04\x00\x00\x00lag_ms,change", "measured.csv is not a text file; save the table as 'CSV UTF-8'."),
    ],
)
def test_wrong_files_are_refused_in_a_sentence(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read(written(tmp_path, content))
    assert "measured.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"there is no file .*none\.csv; give a CSV file with the columns lag_ms"
    ):
        read(tmp_path / "none.csv")
    with pytest.raises(OSError, match=r"there is no file .*: it is a folder; give a CSV file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variable": "lag"}, "there is no variable 'lag'. Did you mean 'lag_ms'?"),
        ({"x": []}, "lag_ms must be a list of numbers, got shape (0,)"),
        ({"x": [[1, 2]]}, "lag_ms must be a list of numbers, got shape (1, 2)"),
        ({"change": [0.1]}, "2 values of lag_ms, but 1 of change"),
        ({"error": [0.1, 0.0]}, "point 1: error must be above 0"),
        (
            {"change": [0.1, -1.5]},
            "point 1: change must be at least -1 (all of the weight gone); of percent take a hundr",
        ),
        ({"x": [1, np.nan]}, "point 1: lag_ms must be a finite number, got nan"),
    ],
)
def test_values_are_checked(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"name": "measured", "x": [1, 2], "change": [0.1, 0.2], **changes}
    with pytest.raises(ValueError, match="measurements measured.*" + re.escape(message)):
        Measurements(**fields)


def test_values_are_frozen() -> None:
    x = np.array([1.0, 2])
    data = Measurements(name="measured", x=x, change=np.array([0.1, 0.2]))
    x[0] = 9
    assert data.x.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        data.change[0] = 1
