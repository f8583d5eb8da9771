"""Test pushes: an event of no order, for one subscriber, that goes the way of all others."""

TEST_EVENT = "test"
