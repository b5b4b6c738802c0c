"""Tests of a group run in one process."""

import pytest


@pytest.mark.xdist_group("groups")
def test_a_test_is_handed_out_under_the_name_of_its_group(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("loadgroup", False):
        pytest.skip("all tests run in one process")
    assert request.node.nodeid.endswith("@groups")
