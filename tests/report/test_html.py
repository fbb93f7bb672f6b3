"""The HTML report: what is in it, and what a real browser makes of it."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from report import samples
from report.played import many, play, report, some, zego
from roomcheck.model.time import Instant
from roomcheck.model.trace import Told
from roomcheck.report.html import Pictures, write_html

CASE = "back-after-heartbeat-timeout/cut"


def plain() -> str:
    """Results of every kind, without traces."""
    return write_html(samples.HEADER, list(samples.ALL), samples.FOOTER, Pictures(lambda _scale: zego()))


def failing() -> str:
    """A run with a defect."""
    cases = some(CASE, "kick", "login-alone")
    return report(cases, *play(cases, "never-reconnected"))


def opened(browser: webdriver.Chrome, page: Path, text: str) -> webdriver.Chrome:
    """The report in the browser."""
    page.write_text(text, encoding="utf-8")
    errors(browser)
    browser.get(page.as_uri())
    return browser


def errors(browser: webdriver.Chrome) -> list[Any]:
    """What its console said since it was last asked."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]  # selenium does not type it


def shown(browser: webdriver.Chrome) -> list[str]:
    """The names of the cases that the filter leaves."""
    found = browser.find_elements(By.CSS_SELECTOR, "details.case > summary > b")
    return [b.text for b in found if b.is_displayed()]


# --- the text ------------------------------------------------------------------------------------------------------


def test_the_top_says_what_was_run_on_what() -> None:
    """The verdict, the room with its version, spec and revision, lateness, Toxiproxy and the time scale."""
    top = plain().partition("<main>")[0]

    for said in (
        "The room violates its contract (exit code 1)", "reference room 1.0", "vendor/status, revision 2026-11",
        "3 ms (99 %), 12.5 ms at worst", "2.12.0", "100 times faster than documented",
    ):  # fmt: skip
        assert said in top


def test_every_requirement_has_its_sentence_its_source_and_its_cases() -> None:
    """Also the one that nothing checked."""
    text = plain()

    assert all(sentence in text for sentence in samples.HEADER.sentences.values())
    assert "Connection status, case 1" in text
    assert "2 of 3 checked in this run" in text
    row = text.partition('id="r-R-3"')[2].partition("</tr>")[0]
    assert "not checked in this run" in row


def test_a_bad_case_is_explained_and_a_good_one_says_how_to_repeat_it() -> None:
    """As on the console."""
    text = plain()

    assert "<dt>breaks</dt><dd>R-1 (must): A lost link is told.</dd>" in text
    assert "<code>roomcheck run -k vendor/status/join</code>" in text


def test_a_run_without_any_result_is_a_report() -> None:
    """Nothing was checked, and it says so."""
    footer = replace(samples.FOOTER, exit_code=4, complete=False)
    text = write_html(samples.HEADER, [], footer, Pictures(lambda _scale: zego()))

    assert "Nothing was checked" in text
    assert "0 of 4 cases have a result" in text


def test_a_run_without_an_end_was_cut_short() -> None:
    """The top says so, says how far it came, and makes up neither a duration nor a lateness."""
    top = write_html(samples.HEADER, list(samples.ALL[:1]), None, Pictures(None)).partition("<main>")[0]

    assert "The run was cut short: its stream has no end; 1 of 4 cases have a result" in top
    assert "and never ended" in top
    assert "<dt>this machine was late by</dt><dd>not known</dd>" in top


def test_it_needs_nothing_from_anywhere() -> None:
    """No address but anchors and the traces beside it."""
    text = failing()

    addresses = [part.partition('"')[0] for word in ('src="', 'href="') for part in text.split(word)[1:]]
    assert addresses
    assert all(a.startswith(("#", "traces/")) for a in addresses)
    assert "default-src &#39;none&#39;" in text


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_texts_of_a_hostile_room_are_escaped(text: str) -> None:
    """No mark-up of theirs and no character that cannot be seen."""
    written = write_html(samples.HEADER, [samples.hostile(text)], samples.FOOTER, Pictures(lambda _scale: zego()))

    assert "<failure" not in written
    assert all(c.isprintable() or c == "\n" for c in written)
    written.encode("utf-8")


def test_a_case_without_a_trace_has_no_picture() -> None:
    """And one with it has one."""
    cases = some(CASE, "login-alone")
    results, traces = play(cases)
    text = report(cases, results, {results[0].case: traces[results[0].case]})

    assert text.count("<figure") == text.count("<svg") == 1


# --- in a browser --------------------------------------------------------------------------------------------------


def test_it_opens_without_an_error(browser: webdriver.Chrome, page: Path) -> None:
    """Its own script and style pass its own policy."""
    opened(browser, page, failing())

    assert errors(browser) == []
    assert "3 of 3 cases" in browser.find_element(By.ID, "count").text
    assert browser.find_element(By.CSS_SELECTOR, ".verdict").value_of_css_property("font-weight") == "600"


def test_the_filter_shows_what_was_asked_for(browser: webdriver.Chrome, page: Path) -> None:
    """By word, by requirement and by outcome; the count says how many."""
    opened(browser, page, failing())
    search = browser.find_element(By.ID, "search")
    everything = shown(browser)

    search.send_keys("KICK")
    assert shown(browser) == ["kick"]
    assert browser.find_element(By.ID, "count").text == "1 of 3 cases"
    search.clear()
    search.send_keys("zx-reconnect-5")
    assert shown(browser) == [CASE]
    search.send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    assert shown(browser) == everything == [CASE, "kick", "login-alone"]
    browser.find_element(By.CSS_SELECTOR, "#filter input[value=conforms]").click()
    assert shown(browser) == [CASE]


def test_it_is_used_with_the_keyboard_alone(browser: webdriver.Chrome, page: Path) -> None:
    """A slash goes to the search, Tab to the cases, Enter opens one."""
    opened(browser, page, failing())
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "search"
    browser.switch_to.active_element.send_keys("kick")
    case = browser.find_element(By.XPATH, "//details[summary/b='kick']")
    assert case.get_attribute("open") is None

    summary = case.find_element(By.TAG_NAME, "summary")
    for _ in itertools.takewhile(lambda _: browser.switch_to.active_element != summary, range(10)):
        browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert case.get_attribute("open") is not None
    assert case.find_element(By.TAG_NAME, "svg").is_displayed()


def test_the_marked_divergence_is_the_judges(browser: webdriver.Chrome, page: Path) -> None:
    """At its moment, with its words, at its place on the axis; a conforming case has none."""
    cases = some(CASE, "login-alone")
    results, traces = play(cases, "never-reconnected")
    opened(browser, page, report(cases, results, traces))
    finding = next(r.verdict.findings[0] for r in results if r.verdict and r.verdict.findings)

    (mark,) = browser.find_elements(By.CSS_SELECTOR, "svg .divergence")
    assert mark.get_attribute("data-at") == str(finding.at)
    title = str(mark.find_element(By.TAG_NAME, "title").get_attribute("textContent"))
    assert finding.seen in title
    assert finding.requirement is not None
    assert finding.requirement in title
    line = mark.rect["y"]
    rows = browser.find_elements(By.CSS_SELECTOR, "details[open] svg .row")
    assert rows
    assert all(row.rect["y"] < line for row in rows)  # it never came: after everything that did


def test_a_link_to_a_case_opens_it(browser: webdriver.Chrome, page: Path) -> None:
    """From the table of requirements, also where the filter had hidden it."""
    opened(browser, page, failing())
    browser.find_element(By.ID, "search").send_keys("kick")
    browser.execute_script("for (const d of document.querySelectorAll('#requirements details')) d.open = true")
    link = browser.find_element(By.XPATH, f"//section[@id='requirements']//a[.='{CASE}']")
    browser.execute_script("arguments[0].click()", link)

    assert browser.find_element(By.XPATH, f"//details[summary/b='{CASE}']").is_displayed()


def test_a_hostile_callback_stays_text(browser: webdriver.Chrome, page: Path) -> None:
    """Names and fields that try to be elements, attributes, scripts or templates."""
    tries = [
        "<img src=x onerror='window.hacked=1'>", "</title></svg><script>window.hacked=1</script>", "{{ 7 * 191 }}",
        "\"'><svg onload=window.hacked=1>", "]]></style></script><b id=hacked>", "javascript:window.hacked=1",
    ]  # fmt: skip
    cases = some(CASE)
    results, traces = play(cases)
    (name,) = traces
    trace = traces[name]
    told = [
        Told("A", 90 + i, text, {text: text, "reason": text}, Instant(trace.end, trace.end))
        for i, text in enumerate(tries)
    ]
    told += [replace(t, callback="onRoomStateChanged", fields={"roomID": "r-1", "reason": t.callback}) for t in told]
    results = [replace(results[0], title=tries[0], message=tries[1], log=tuple(tries))]
    opened(browser, page, report(cases, results, {name: replace(trace, records=(*trace.records, *told))}))
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")

    assert browser.execute_script("return window.hacked") is None
    assert browser.find_elements(By.CSS_SELECTOR, "img, #hacked, [onerror], [onload], svg svg") == []
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1
    assert errors(browser) == []
    body = browser.find_element(By.TAG_NAME, "body").text
    assert all(text in body for text in tries[:3])
    assert "1337" not in body


@pytest.mark.night
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_readers_colours(browser: webdriver.Chrome, page: Path, scheme: str) -> None:
    """Words stand out from the page in both."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    opened(browser, page, failing())

    def lightness(element: str, name: str) -> float:
        value = browser.find_element(By.CSS_SELECTOR, element).value_of_css_property(name)
        red, green, blue = (int(part) for part in value.partition("(")[2].rstrip(")").split(",")[:3])
        return 0.3 * red + 0.59 * green + 0.11 * blue

    page_is = lightness("body", "background-color")
    assert (page_is > 200) is (scheme == "light")
    assert abs(page_is - lightness("svg .row text", "fill")) > 80
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.night
def test_a_narrow_page_does_not_scroll_sideways(browser: webdriver.Chrome, page: Path) -> None:
    """On a telephone pictures scroll in frames of their own, and requirements stand below each other, counts named."""
    metrics = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    opened(browser, page, failing())
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")

    wide = browser.execute_script("return document.documentElement.scrollWidth")
    table = browser.find_element(By.CSS_SELECTOR, "#requirements .scroll")
    hidden = browser.execute_script("return arguments[0].scrollWidth - arguments[0].clientWidth", table)
    count = "return getComputedStyle(document.querySelector('#requirements td.number.has'), '::after').content"
    named = browser.execute_script(count)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 400
    assert hidden <= 0
    assert any(name in named for name in ("conforms", "violates"))


@pytest.mark.night
def test_a_page_of_500_cases_grows_by_the_case(browser: webdriver.Chrome, page: Path) -> None:
    """With a picture each; what it holds for one case it does not hold again for each other one."""
    size = {}
    for number in (20, 500):
        cases = many(number)
        page.write_text(report(cases, *play(cases)), encoding="utf-8")
        size[number] = page.stat().st_size
        browser.get(page.as_uri())

    assert len(browser.find_elements(By.CSS_SELECTOR, "details.case svg")) == 500
    assert size[500] < 40 * size[20]  # 25 times as many, and longer ones among them
