"""A headless browser, driven through its DevTools protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from scripts.bootstrap.system import BROWSERS

_LISTENING = re.compile(rb"DevTools listening on (ws://\S+)")
_OPTIONS = (
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
)
# Many things under load, a second otherwise.
_PATIENCE_S = 30


class Page:
    """One page in a profile of its own. `complaints` are errors, refused loads and dialogues."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._session = session

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol."""
        return await self._browser.call(method, self._session, **parameters)

    async def open(self, url: str) -> None:
        """Go to a page."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)

    async def do(self, expression: str) -> Any:
        """Return the value of JavaScript, which may be a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Return the value of JavaScript as soon as there is one that is true."""
        look = f"""new Promise(found => {{
            const look = () => {{
                let value = null;
                try {{ value = {expression}; }} catch {{ }}
                value ? found(value) : setTimeout(look, 20);
            }};
            look();
        }})"""
        try:
            return await self.do(look)
        except TimeoutError:
            shown = await self.do("document.body.innerText")
            raise AssertionError(f"never true: {expression}; the page shows:\n{shown}") from None

    async def press(self, key: str, **more: Any) -> None:
        """Press a key and let it go."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **more)

    async def resize(self, width: int, height: int) -> None:
        """Have the window of another size, in pixels of CSS."""
        size = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)

    def hear(self, method: str, said: dict[str, Any]) -> None:
        """Take an event."""
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(said["exceptionDetails"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialogue: {said['message']}")


class Browser:
    """A browser and the connection to it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}

    async def page(self) -> Page:
        """Return a new page that shares nothing with the others."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        return page

    async def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """Return the result of a method; raises TimeoutError after _PATIENCE_S."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_str(
            msgspec.json.encode(message | ({"sessionId": session} if session else {})).decode()
        )
        return await asyncio.wait_for(answer, _PATIENCE_S)

    async def listen(self) -> None:
        """Take what the browser says, until it is gone."""
        async for message in self._socket:
            said = msgspec.json.decode(message.data)
            answer = self._waiting.pop(said.get("id", 0), None)
            if answer is None:
                page = self._pages.get(said.get("sessionId", ""))
                if page is not None:
                    page.hear(said["method"], said["params"])
            elif not answer.done() and "error" in said:
                answer.set_exception(AssertionError(said["error"]["message"]))
            elif not answer.done():
                answer.set_result(said["result"])


@contextlib.asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[Browser]:
    """Run a browser with its profile in a folder."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert program is not None, f"no browser: `make setup` installs one ({', '.join(BROWSERS)})"
    # The kernel's namespaces that it shuts pages in are not for root.
    options = (*_OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else []), f"--user-data-dir={profile}")
    process = await asyncio.create_subprocess_exec(program, "--headless", *options, stderr=PIPE)
    try:
        url = await asyncio.wait_for(_address(process), _PATIENCE_S)
        drain = asyncio.create_task(_drained(process))
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
            browser = Browser(socket)
            listening = asyncio.create_task(browser.listen())
            yield browser
            await browser.call("Browser.close")
            await listening
        await asyncio.wait_for(process.wait(), _PATIENCE_S)
        await drain
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(process: Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if (found := _LISTENING.search(line)) is not None:
            return found[1].decode()
    raise AssertionError("the browser ended at its start")


async def _drained(process: Process) -> None:
    assert process.stderr is not None
    async for _ in process.stderr:
        pass
