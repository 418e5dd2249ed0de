"""A short storm; `make storm` has long ones, and other seeds."""

from support.storm import Storm, judge_again

SEED, FAULTS = 5, 6


def test_storm_breaks_no_promise(place, tmp_path):
    storm = Storm(place, SEED, FAULTS)
    bad = storm.run()
    # What is judged again later is the same history.
    storm.save(tmp_path / "history.json")
    assert bad == judge_again(tmp_path / "history.json") == {}, storm.noted
