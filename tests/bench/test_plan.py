"""The selection of scenarios and contenders."""

from bench.plan import FULL, Plan


def test_main_scenarios_are_measured_by_default() -> None:
    assert Plan().has_scenario("chat")
    assert not Plan().has_scenario("image 10 MB", main=False)
    assert FULL.has_scenario("image 10 MB", main=False)
    chosen = Plan(scenarios=["image"])
    assert chosen.has_scenario("image 10 MB", main=False)
    assert not chosen.has_scenario("chat")


def test_a_contender_is_chosen_by_its_whole_name() -> None:
    assert Plan().has_contender("no-op, 3 messages")
    assert not Plan(contenders=["no-op"]).has_contender("no-op, 3 messages")
    assert Plan(contenders=["no-op"]).has_contender("no-op")
