"""A real browser for the pages: Chromium without a window, driven over WebDriver."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 20
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server")


class Page:
    """What a person sees, and does there."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver
        self._waiting = WebDriverWait(driver, SECONDS)

    def open(self, url: str) -> None:
        """Goes to an address."""
        self._driver.get(url)

    @property
    def address(self) -> str:
        """Where the browser is."""
        return self._driver.current_url

    def all(self, css: str) -> list[WebElement]:
        """Every element that can be seen."""
        return [each for each in self._driver.find_elements(By.CSS_SELECTOR, css) if each.is_displayed()]

    def one(self, css: str, text: str = "") -> WebElement:
        """The first element that can be seen and has a text, once there is one."""

        def found(_: Chrome) -> WebElement | Literal[False]:
            return next((each for each in self.all(css) if text in each.text), False)

        return self._waiting.until(found, f"no {css} with the text {text!r}")

    def type(self, css: str, text: str) -> None:
        """Puts a text into a field in place of what it holds."""
        field = self.one(css)
        field.clear()
        field.send_keys(text)

    def errors(self) -> list[str]:
        """What the browser complained of, such as a script that the page's policy forbids."""
        return [each["message"] for each in self._driver.get_log("browser") if each["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


@contextmanager
def browser() -> Iterator[Page]:
    """A browser for as long as the block; fails where Chromium or its driver is not installed."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.fail("The pages are tested in Chromium: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in SWITCHES:
        options.add_argument(switch)
    chrome = Chrome(options, ChromeService(driver))
    try:
        yield Page(chrome)
    finally:
        chrome.quit()
