"""The gateway's page in a real browser, from the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from pointsman.gateway.access import Access
from pointsman.gateway.keyring import Keyring
from tests.integration.gateway.browser import Browser, Page, browsing
from tests.integration.gateway.exhibit import HOSTILE, Exhibit
from tests.unit.gateway.keys import key, write

NONE = "\N{EN DASH}"
Story: TypeAlias = Callable[[Exhibit, Page], Awaitable[None]]
Tell: TypeAlias = Callable[..., None]

VERSIONS = """[...document.querySelectorAll('.model')].find(model =>
    model.querySelector('h3').textContent === 'digits').querySelector('tbody').rows"""


@pytest.fixture(scope="module")
def tell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tell]:
    """Yield what runs a story with a gateway and its page, which must not complain."""
    with asyncio.Runner() as runner:
        browsed = browsing(tmp_path_factory.mktemp("profile"))
        browser = runner.run(browsed.__aenter__())

        def told(story: Story, access: Access | None = None, complaints: int = 0) -> None:
            runner.run(_told(browser, story, access, complaints))

        try:
            yield told
        finally:
            runner.run(browsed.__aexit__(None, None, None))


async def _told(browser: Browser, story: Story, access: Access | None, complaints: int) -> None:
    exhibit = Exhibit(access)
    await exhibit.open()
    page = await browser.page()
    try:
        await page.open(exhibit.url)
        await story(exhibit, page)
    finally:
        await exhibit.close()
    assert len(page.complaints) <= complaints, page.complaints
    assert not any("dialogue" in complaint for complaint in page.complaints)


async def cell(page: Page, row: int, name: str) -> str:
    return str(await page.do(f"{VERSIONS}[{row}].querySelector('.{name}').innerText"))


def test_the_table_shows_what_the_gateway_knows_and_measured(tell: Tell) -> None:
    async def story(exhibit: Exhibit, page: Page) -> None:
        exhibit.clock.now = 100.5
        for _ in range(285):
            exhibit.meter.note("digits", "2", 0.010)
        for number in range(95):
            exhibit.meter.note("digits", "10", 0.5, "UNAVAILABLE" if number < 19 else "")
        exhibit.clock.now = 100.999  # the window is 9.999 s long
        await page.until(f"{VERSIONS}[0].querySelector('.rate').innerText === '28.5'")
        assert await page.do(f"[...{VERSIONS}].map(row => row.querySelector('.name').innerText)") == [
            "2",
            "10",
            "11",
            "12",
        ]
        states = f"[...{VERSIONS}].map(row => row.querySelector('.word').innerText)"
        assert await page.do(states) == ["READY", "READY", "LOADING", "FAILED"]
        assert "no such file" in await cell(page, 3, "state")
        assert "stable" in await cell(page, 0, "version")
        assert [await cell(page, row, "weight") for row in range(3)] == ["90 %", "10 %", "0 %"]
        assert [await cell(page, row, "share") for row in range(3)] == ["75 %", "25 %", NONE]
        assert (await cell(page, 0, "p50"), await cell(page, 0, "p99")) == ("9.98 ms", "9.98 ms")
        assert [await cell(page, row, "errors") for row in (0, 1)] == ["0", "1.9"]
        assert await page.do("document.getElementById('in-flight').innerText") == "7"
        exhibit.clock.now = 103
        assert await page.until(f"{VERSIONS}[0].querySelector('.line').getAttribute('d').length > 100")

    tell(story)


def test_a_request_from_the_form_shows_its_answer(tell: Tell) -> None:
    async def story(exhibit: Exhibit, page: Page) -> None:
        await page.until("document.getElementById('trial-model').options.length === 2")
        await page.do(
            "choose = (id, value) => { const one = document.getElementById(id); one.value = value;"
            " one.dispatchEvent(new Event('change')); }"
        )
        await page.do("choose('trial-model', 'digits'); choose('trial-version', '10')")
        prefilled = await page.do("JSON.parse(document.getElementById('trial-body').value)")
        assert prefilled == {
            "inputs": [{"name": "x", "datatype": "INT64", "shape": [1, 3], "data": [0, 0, 0]}]
        }
        await page.do(
            "body = document.getElementById('trial-body');"
            "body.value = body.value.replace('[0, 0, 0]', '[1, -2, 9007199254740992]'); body.focus()"
        )
        await page.press("Enter", modifiers=2)
        shown = await page.until("document.querySelector('#answer pre')?.innerText")
        assert "[2, -1, 9007199254740993]" in shown  # one that JavaScript's own numbers have not
        facts = str(await page.do("document.querySelector('#answer dl').innerText")).split("\n")
        said = [facts[facts.index(name) + 1] for name in ("Status", "Version", "Arm", "Output y")]
        assert said == ["200 OK", "10", "2", "INT64 [1, 3]"]
        assert [call.version for call in exhibit.plane.calls] == ["10"]
        # What somebody wrote stays, and what is refused says why.
        await page.do("body.value = '{\"inputs\": []}'; choose('trial-version', '')")
        await page.do("document.getElementById('trial-send').click()")
        await page.until("document.querySelector('#answer .bad')")
        assert "400" in await page.do("document.querySelector('#answer dl').innerText")
        assert "at least one tensor" in await page.do("document.querySelector('#answer pre').innerText")

    tell(story, complaints=1)  # the refused request


def test_a_hostile_name_is_text(tell: Tell) -> None:
    async def story(_: Exhibit, page: Page) -> None:
        names = await page.until(
            "document.querySelectorAll('h3').length === 2"
            " && [...document.querySelectorAll('h3')].map(one => one.textContent)"
        )
        assert HOSTILE in names
        assert await page.do("document.images.length") == 0
        await page.do(f"document.querySelector({HOSTILE_BUTTON!r}).click()")
        await page.do("document.getElementById('trial-send').click()")
        await page.until("document.querySelector('#answer pre')")
        assert await page.do("document.images.length") == 0

    tell(story, complaints=1)  # the refused request


HOSTILE_BUTTON = f'button[aria-label="Try {HOSTILE}"]'


def test_markup_from_a_string_is_refused_by_the_browser_itself(tell: Tell) -> None:
    async def story(_: Exhibit, page: Page) -> None:
        tried = "try { document.body.innerHTML = '<b>b</b>'; 'taken' } catch (error) { error.name }"
        assert await page.do(tried) == "TypeError"

    tell(story, complaints=2)


def test_the_page_says_that_the_gateway_is_gone_and_recovers(tell: Tell) -> None:
    async def story(exhibit: Exhibit, page: Page) -> None:
        await page.until("document.querySelectorAll('.model').length === 2")
        await exhibit.close()
        said = await page.until("!banner.hidden && banner.innerText")
        assert "unreachable" in said
        assert await page.do("document.querySelectorAll('.model').length") == 2
        await exhibit.open()
        await page.until("banner.hidden")
        page.complaints.clear()  # the refused connections

    tell(story)


def test_a_key_is_asked_for_sent_and_kept_nowhere(tell: Tell, tmp_path: Path) -> None:
    write(tmp_path / "keys", key("mine", models=("digits",)))

    async def story(_: Exhibit, page: Page) -> None:
        assert "asks for an API key" in await page.until("!banner.hidden && banner.innerText")
        await page.do("document.getElementById('key').focus()")
        await page.call("Input.insertText", text="mine-text")
        await page.press("Tab")
        await page.until("banner.hidden && document.querySelector('h3')")
        assert await page.do("[...document.querySelectorAll('h3')].map(one => one.textContent)") == ["digits"]
        await page.do("document.getElementById('trial-send').click()")
        await page.until("document.querySelector('#answer .good')")
        kept = "[localStorage.length, sessionStorage.length, document.cookie, location.href]"
        [local, session, cookie, address] = await page.do(kept)
        assert (local, session, cookie) == (0, 0, "")
        assert "mine-text" not in address
        page.complaints.clear()  # 401

    tell(story, Access(Keyring(tmp_path / "keys", lambda: 0), lambda: 0))


def test_the_page_fits_a_phone_and_can_be_used_by_keyboard(tell: Tell) -> None:
    async def story(_: Exhibit, page: Page) -> None:
        await page.resize(360, 740)
        await page.until("document.querySelectorAll('.model').length === 2")
        assert await page.do("document.documentElement.scrollWidth") == 360
        reached = []
        for _step in range(12):
            await page.press("Tab")
            reached.append(await page.do("document.activeElement.id || document.activeElement.tagName"))
        order = ["key", "trial-model", "trial-version", "trial-body", "trial-send", "trial-reset"]
        assert [one for one in reached if one in order][: len(order)] == order

    tell(story)
