"""Experiments and rolling updates: several candidates behind one name, and clients that stay."""

from collections import Counter

import pytest

from tests import oip
from tests.e2e.conftest import Gateway
from tests.mesh.conftest import CHAT, Bed, ask, texts

ROUNDS = 160


def told(bed: Bed) -> Counter[str]:
    """How often each candidate was asked."""
    return Counter(path.split("/")[3] for path in bed.scripted.calls.elements())


@pytest.mark.parametrize("name", ["split.experiment", "base"])
def test_candidates_share_the_requests_by_weight(bed: Bed, name: str) -> None:
    for _ in range(ROUNDS):
        bed.script.answer(oip.answer("Hi"))
        reply = bed.gateway.post(CHAT, ask(name))
        assert (reply.status, reply.json["model"]) == (200, name)
        assert "x-seldon-route" not in reply.headers
    shares = told(bed)
    assert sorted(shares) == ["base_1", "other_1"]
    # 120 are expected; once in 300,000 times it is not within five deviations of it.
    assert 92 < shares["base_1"] < 148


def test_a_candidate_can_still_be_asked_by_its_own_name(bed: Bed) -> None:
    bed.script.answer(oip.answer("Hi"))
    assert bed.gateway.post(CHAT, ask("other")).status == 200
    assert told(bed) == {"other_1": 1}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ["split.experiment", "base", "updated"])
def test_a_client_that_sends_back_its_route_stays(bed: Bed, name: str, *, streamed: bool) -> None:
    route = ""
    for _ in range(12):
        if streamed:
            bed.script.stream(oip.answer("Hi"))
        else:
            bed.script.answer(oip.answer("Hi"))
        kept = {"x_seldon_route": route} if route else {}
        reply = bed.sticky.post(CHAT, ask(name, stream=streamed), **kept)
        assert reply.status == 200
        route = route or reply.headers["x-seldon-route"]
    assert told(bed) == {route.strip(":"): 12}


def test_what_a_client_says_about_its_candidate_counts_only_where_it_may(bed: Bed) -> None:
    for _ in range(40):
        bed.script.answer(oip.answer("Hi"))
        reply = bed.gateway.post(CHAT, ask("updated"), x_seldon_route=":updated_2:")
        assert reply.status == 200
    assert set(told(bed)) == {"updated_2", "updated_3"}


def test_a_client_cannot_choose_the_model_behind_a_route(bed: Bed) -> None:
    bed.script.answer(oip.answer("Hi"))
    given = {"x_seldon_route": ":updated_2:", "seldon_internal_model": "other_1"}
    assert bed.sticky.post(CHAT, ask("updated"), **given).status == 200
    assert told(bed) == {"updated_2": 1}


@pytest.mark.parametrize(
    ("model", "route"), [("updated", ":updated_1:"), ("scripted", ":scripted_1:")]
)
def test_a_route_that_is_no_candidates_leads_nowhere(bed: Bed, model: str, route: str) -> None:
    reply = bed.sticky.post(CHAT, ask(model), x_seldon_route=route)
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert not told(bed)


def kept(gateway: Gateway, model: str) -> tuple[str, str]:
    """A route, and what its candidate streams."""
    first = gateway.post(CHAT, ask(model, max_tokens=1))
    route = first.headers["x-seldon-route"]
    body = ask(model, max_tokens=2, stream=True, temperature=0)
    return route, "".join(texts(gateway.post(CHAT, body, x_seldon_route=route).body))


def test_real_models_share_a_dotted_name(bed: Bed) -> None:
    route, text = kept(bed.sticky, "two.chats.experiment")
    assert text
    assert route in (":chatgpt_1:", ":openai-chat_1:")
    inner = f"/v2/models/{route.strip(':')}/infer"
    assert bed.mlserver.calls == {inner: 1, f"{inner}_stream": 1}
