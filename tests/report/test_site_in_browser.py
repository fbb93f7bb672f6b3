"""The site in a real browser: what it shows, to whom, at which width, and what it refuses to run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from report import samples
from report.played import play, report, some, zego
from roomcheck.model.verdict import CaseResult, Check, Outcome, RunHeader, Verdict
from roomcheck.report.site import Stream, site_of, stream_id
from roomcheck.report.site_pages import pages

CASE = "back-after-heartbeat-timeout/cut"
IMPLEMENTATIONS, REQUIREMENTS = 20, 60


def errors(browser: webdriver.Chrome) -> list[Any]:
    """What its console said since it was last asked."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]  # selenium does not type it


def stream(header: RunHeader, results: list[CaseResult]) -> Stream:
    return Stream(stream_id(repr((header, results)).encode()), header.target, (header, results, samples.FOOTER))


def written(folder: Path, *streams: Stream) -> Path:
    """The site of these in a folder."""
    for place, text in pages(site_of(streams)):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    return folder


def played(folder: Path) -> Path:
    """A site of two rooms, with the reports of their runs."""
    cases = some(CASE, "kick", "login-alone")
    streams = []
    for name, defect in (("good", None), ("bad", "never-reconnected")):
        results, traces = play(cases, defect)
        header = replace(
            samples.HEADER, target=name, spec=zego().spec,
            sentences={r.id: r.says for r in zego().requirements.values()},
        )  # fmt: skip
        streams.append(stream(header, results))
        place = folder / "runs" / streams[-1].id
        place.mkdir(parents=True)
        (place / "report.html").write_text(report(cases, results, traces), encoding="utf-8")
    return written(folder, *streams)


def large(folder: Path) -> Path:
    """As many implementations and requirements as a page must bear."""
    names = [f"X-{i}" for i in range(REQUIREMENTS)]
    ends = (Outcome.CONFORMS, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE)
    results = [
        samples.result(
            f"vendor/status/case-{i}/cut",
            ends[i % 3],
            verdict=Verdict(ends[i % 3], checks=(Check(name, "", ends[i % 3]),)),
            requirements=(name,),
        )
        for i, name in enumerate(names)
    ]
    header = replace(samples.HEADER, sentences=dict.fromkeys(names, "A lost link is told, whoever lost it."))
    return written(folder, *(stream(replace(header, target=f"room-{i}"), results) for i in range(IMPLEMENTATIONS)))


def files(folder: Path) -> Iterator[Path]:
    """The pages of the site itself."""
    return (path for path in sorted(folder.rglob("*.html")) if "runs" not in path.parts)


def test_it_opens_without_an_error(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Every page, with the style that its own policy lets in."""
    for page in files(played(tmp_path)):
        errors(browser)
        browser.get(page.as_uri())
        assert errors(browser) == []
        assert browser.find_element(By.CSS_SELECTOR, "body").value_of_css_property("max-width") == "1500px"


def test_a_cell_leads_to_the_picture_of_its_case(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """From the index with the keyboard alone."""
    browser.get((played(tmp_path) / "index.html").as_uri())

    def follow(text: str) -> None:
        for _ in range(400):
            at = browser.switch_to.active_element
            if at.tag_name == "a" and at.text == text:
                at.send_keys(Keys.ENTER)
                return
            at.send_keys(Keys.TAB)
        pytest.fail(f"no Tab leads to {text}")

    follow(zego().spec)
    assert "who keeps it" in browser.title
    follow("violates")
    assert browser.current_url.endswith("#c1")
    case = browser.find_element(By.XPATH, f"//details[summary/b='{CASE}']")
    assert case.find_element(By.TAG_NAME, "svg").is_displayed()


def test_a_cell_is_named_by_its_row_and_its_column(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """As a screen reader tells it: headers have a scope, tables a caption, landmarks a name, and one page one title."""
    for page in files(played(tmp_path)):
        browser.get(page.as_uri())
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        bare = browser.find_elements(
            By.CSS_SELECTOR, "th:not([scope]), table:not(:has(caption)), section:not([aria-labelledby])"
        )
        assert bare == []
        assert len(browser.find_elements(By.TAG_NAME, "h1")) == 1
        scrolled = browser.find_elements(By.CSS_SELECTOR, ".scroll")
        assert all(s.get_attribute("tabindex") == "0" and s.accessible_name for s in scrolled)
        unnamed = [
            a.get_attribute("outerHTML") for a in browser.find_elements(By.TAG_NAME, "a") if not a.accessible_name
        ]
        assert unnamed == []
        ids = [e.get_attribute("id") for e in browser.find_elements(By.CSS_SELECTOR, "[id]")]
        assert len(ids) == len(set(ids))


CONTRAST = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (one) => { for (let e = one; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
return [...document.querySelectorAll("body *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) &&
    e.getClientRects().length).map((e) => {
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
  return [(a + 0.05) / (b + 0.05), e.textContent.slice(0, 40)]; }).sort((x, y) => x[0] - y[0])[0];
"""


@pytest.mark.night
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_both_schemes(browser: webdriver.Chrome, tmp_path: Path, scheme: str) -> None:
    """By the ratio that WCAG AA asks for."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        for page in [*files(played(tmp_path / "a")), *files(large(tmp_path / "b"))][:5]:
            browser.get(page.as_uri())
            ratio, text = browser.execute_script(CONTRAST)
            assert ratio >= 4.5, (page.name, text)
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.night
def test_a_narrow_page_does_not_scroll_sideways(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """On a telephone the tables scroll in frames of their own, and the requirement stays where it is."""
    metrics = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        for page in [*files(played(tmp_path / "a")), *files(large(tmp_path / "b"))][:5]:
            browser.get(page.as_uri())
            browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 400, page.name
        browser.get(next((tmp_path / "b" / "contracts").iterdir()).as_uri())
        frame = browser.find_element(By.CSS_SELECTOR, ".matrix")
        browser.execute_script("arguments[0].scrollLeft = 800", frame)
        name = browser.find_element(By.CSS_SELECTOR, ".matrix tbody th")
        assert 0 <= name.rect["x"] - frame.rect["x"] < 5
        assert frame.rect["width"] > 2 * name.rect["width"]
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.night
def test_a_large_page_grows_by_its_cells(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Twenty implementations and sixty requirements; what a cell needs is a few elements and no script."""
    browser.get(next((large(tmp_path) / "contracts").iterdir()).as_uri())

    cells = len(browser.find_elements(By.CSS_SELECTOR, ".matrix tbody td"))
    elements = browser.execute_script("return document.querySelectorAll('*').length")
    assert cells == IMPLEMENTATIONS * REQUIREMENTS
    assert elements < 4 * cells
    assert browser.find_elements(By.TAG_NAME, "script") == []


def test_hostile_texts_stay_text(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """On every page, and in no link."""
    for number, text in enumerate((
        "<img src=x onerror='window.hacked=1'>", "</title><script>window.hacked=1</script>", "{{ 7 * 191 }}",
        "\"'><svg onload=window.hacked=1>", "]]></style></script><b id=hacked>", "javascript:window.hacked=1",
    )):  # fmt: skip
        header = replace(
            samples.HEADER, target=text, spec=text, room=text, title=text, document=text, url=text, revision=text,
            sentences={text: text}, cites={text: text},
        )  # fmt: skip
        result = replace(samples.hostile(text), case=text, requirements=(text,), repeat=text, trace_file="", known=text)
        for page in files(written(tmp_path / str(number), stream(header, [result]))):
            errors(browser)
            browser.get(page.as_uri())
            browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
            assert browser.execute_script("return window.hacked") is None
            assert browser.find_elements(By.CSS_SELECTOR, "img, script, #hacked, [onerror], [onload]") == []
            assert browser.find_elements(By.CSS_SELECTOR, "a[href^='javascript']") == []
            assert errors(browser) == []
            assert "1337" not in browser.find_element(By.TAG_NAME, "body").text
