"""Counts of useless frames and streams."""

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


def test_counts_above_the_limit_are_refused() -> None:
    tried = patience()
    use_up(tried)
    for more in (tried.useless, tried.wasted, tried.settings):
        with pytest.raises(ConnectionFault) as caught:
            more()
        assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_counts_are_reset_after_the_period() -> None:
    tried = patience()
    for _ in range(3):
        use_up(tried)
        tried.renew()


def test_useful_frames_offset_useless_ones_but_not_in_advance() -> None:
    tried = patience()
    for _ in range(10):
        tried.useful()
    use_up(tried)
    tried.useful()
    tried.useless()
    with pytest.raises(ConnectionFault):
        tried.useless()


def test_window_updates_are_useless_unless_sent_data_explains_them() -> None:
    tried = patience()
    tried.sent(5)
    tried.renew()
    for _ in range(10 + 3):
        tried.update()
    with pytest.raises(ConnectionFault):
        tried.update()


def test_useful_frames_do_not_offset_wasted_streams_and_settings() -> None:
    tried = patience()
    use_up(tried)
    tried.useful()
    for more in (tried.wasted, tried.settings):
        with pytest.raises(ConnectionFault):
            more()
