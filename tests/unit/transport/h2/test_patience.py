"""How much is borne of a peer."""

import pytest

from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.limits import Limits
from translator.transport.h2.patience import Patience


def patience() -> Patience:
    return Patience(Limits(useless=3, wasted=2, settings=2))


def use_up(patience: Patience) -> None:
    for _ in range(3):
        patience.useless()
    for _ in range(2):
        patience.wasted()
        patience.settings()


def test_so_much_is_borne_and_no_more() -> None:
    tried = patience()
    use_up(tried)
    for more in (tried.useless, tried.wasted, tried.settings):
        with pytest.raises(ConnectionFault) as caught:
            more()
        assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_all_is_forgotten_after_some_time() -> None:
    tried = patience()
    for _ in range(3):
        use_up(tried)
        tried.renew()


def test_what_is_useful_makes_up_for_what_is_not_and_saves_nothing_up() -> None:
    tried = patience()
    for _ in range(10):
        tried.useful()
    use_up(tried)
    tried.useful()
    tried.useless()
    with pytest.raises(ConnectionFault):
        tried.useless()


def test_streams_that_were_wasted_and_settings_are_not_made_up_for() -> None:
    tried = patience()
    use_up(tried)
    tried.useful()
    for more in (tried.wasted, tried.settings):
        with pytest.raises(ConnectionFault):
            more()
