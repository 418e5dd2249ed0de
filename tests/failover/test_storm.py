"""A short storm; `make storm` has long ones, and other seeds."""

import json

import pytest

import storm as command
from support.storm import Storm, judge_again

SEED, FAULTS = 5, 6


def test_storm_breaks_no_promise(place, tmp_path):
    storm = Storm(place, SEED, FAULTS)
    bad = storm.run()
    # What is judged again later is the same history.
    storm.save(tmp_path / "history.json")
    assert bad == judge_again(tmp_path / "history.json") == {}, storm.noted


def break_off(*_):
    raise ZeroDivisionError


def test_storm_that_breaks_off_keeps_what_there_is(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    for kinds in ("ANY", "REDIS", "SENTINEL"):
        monkeypatch.setattr(Storm, kinds, (break_off,))
    monkeypatch.setattr(Storm, "hit_by", lambda *_: "nothing")
    with pytest.raises(ZeroDivisionError):
        command.blow(SEED, FAULTS)
    saved = json.loads((tmp_path / f"storm-{SEED}.json").read_text())
    assert saved["seed"] == SEED and saved["faults"]
    assert "redis" in (tmp_path / f"storm-{SEED}.log").read_text()
