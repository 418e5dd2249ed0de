"""Fixtures, what is skipped, and the servers' logs next to a failure."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.place import NotInstalled, Place  # noqa: E402


@pytest.fixture
def place():
    with Place() as here:
        yield here


@pytest.fixture(scope="module")
def shared_place():
    with Place() as here:
        yield here


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    if call.excinfo.errisinstance(NotInstalled):
        report.outcome = "skipped"
        report.longrepr = (item.location[0], 0,
                           f"Skipped: {call.excinfo.value}")
        return
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, Place):
            for name, text in value.logs().items():
                report.sections.append((name, text[-4000:]))
