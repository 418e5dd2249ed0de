"""The alerts for Prometheus ask for figures that the gate shows."""

import re
import shutil
import subprocess

import pytest

from support.place import ROOT
from test_endpoints import Setup

RULES = ROOT / "etc/prometheus/latchkey.rules.yml"


def selectors():
    """Each metric that an expression names, with the labels it is to have."""
    found = []
    for expression in re.findall(r"expr: (?:>-)?((?:.*\n)+?) +(?:for|labels):",
                                 RULES.read_text()):
        found += re.findall(r"\b(latchkey_[a-z_]+)(?:\{([^}]*)\})?",
                            expression)
    return found


def test_prometheus_rules_name_figures_that_the_gate_shows(place):
    shown = Setup(place, "expose_metrics = true;").metrics()
    asked = selectors()
    assert len(asked) >= RULES.read_text().count("- alert:") > 5
    for name, labels in asked:
        assert [key for key in shown
                if re.split("[{]", key)[0] == name
                and all(label.strip() in key for label in labels.split(","))
                ], (name, labels)


def test_prometheus_itself_takes_the_rules():
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")

    done = subprocess.run(["promtool", "check", "rules", RULES], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
