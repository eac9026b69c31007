"""What the tests of several live figures share."""

import pytest

from tests.live import page as live
from tests.live.engine.page import WAIT


@pytest.fixture
def visit(tab):
    """Open a page; it must end without an error, and its requests are listed."""
    troubles, requests, allowed = [], [], []

    def opened(address, expected=()):
        allowed.extend(expected)
        tab.set_default_timeout(WAIT)
        tab.goto(address)
        tab.wait_for_selector("figure[data-live-state=ready]")
        return tab, requests

    with live.listening(
        tab,
        console=lambda message: message.text in allowed or troubles.append(message.text),
        pageerror=lambda error: troubles.append(str(error)),
        request=lambda request: requests.append(request.url),
    ):
        yield opened
    assert troubles == []
