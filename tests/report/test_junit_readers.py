"""What consumers of JUnit make of whole runs and searches: GitLab's rules, Jenkins' schemas, a reader from npm."""

import io
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from junitparser import JUnitXml
from lxml import etree
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from report.samples import ALL, FOOTER, HEADER, absent, violating
from roomcheck.cli import main
from roomcheck.model.verdict import CaseResult, RunFooter, RunHeader
from roomcheck.report.junit import write_junit
from roomcheck.run import fuzz
from support.processes import PATIENCE
from support.runs import Reports

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
MANY = 5_000  # results; a search of half an hour has fewer
FILE_LIMIT = 30_000_000  # bytes that GitLab reads of one file

Stream = tuple[RunHeader, list[CaseResult], RunFooter | None]


def played(folder: Path, *words: str) -> Stream:
    """A run or search in virtual time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(fuzz, "SHRINK_ROUNDS", 1)
        with pytest.raises(SystemExit):
            main([*words, "--simulate", "-q"])
    return Reports(folder / "roomcheck-report").stream()


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """A second search, which begins with what the first one found: findings of several kinds, under all sorts of names."""
    folder = tmp_path_factory.mktemp("search")
    words = ("fuzz", "--defect", "never-reconnected", "--schedules", "16", "--seed", "5")
    played(folder, *words)
    return played(folder, *words)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """The whole contract on a room with a defect."""
    return played(tmp_path_factory.mktemp("run"), "run", "--defect", "kick-wrong-code")


def cases(text: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter("testcase"))  # noqa: S314  our own text


def names(stream: Stream) -> list[tuple[str | None, str | None]]:
    return [(c.get("classname"), c.get("name")) for c in cases(write_junit(*stream))]


def test_no_two_cases_of_a_search_have_the_same_name(search: Stream) -> None:
    """GitLab counts only the first of two."""
    found = names(search)

    assert len(found) > 10
    assert len(set(found)) == len(found)
    assert len({name for _, name in found}) == len(found)


def test_no_two_cases_of_a_run_have_the_same_name(contract: Stream) -> None:
    """Scenario and fault make it."""
    found = names(contract)

    assert len(found) > 100
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("each", ALL, ids=lambda r: str(r.outcome))
def test_gitlab_finds_a_suite_a_name_a_file_and_a_time(each: CaseResult) -> None:
    """What it shows of a case, a number where it wants a number."""
    (case,) = cases(write_junit(HEADER, [each], FOOTER))[:1]

    assert case.get("classname") == f"reference.{each.scenario}"
    assert case.get("name") == each.case
    assert case.get("file") == each.file
    assert float(case.get("time", "")) == pytest.approx(each.seconds)


@pytest.mark.parametrize("strict", [False, True])
def test_gitlab_reads_why_from_the_text(strict: bool) -> None:  # noqa: FBT001
    """Of failures, errors and skipped cases it shows the content, not the attribute."""
    found = [
        e for c in cases(write_junit(HEADER, ALL, FOOTER, strict=strict)) for e in c
        if e.tag in ("failure", "error", "skipped")
    ]  # fmt: skip

    assert [e.tag for e in found] == ["failure", "error", "error", "skipped"]
    assert all((e.text or "").strip() for e in found)
    assert "the target has no kick" in (found[-1].text or "")


def test_gitlab_finds_the_trace_as_an_attachment(contract: Stream) -> None:
    """In the case's system-out, with a path from where the run was started, which is the project's folder."""
    for result, case in zip(contract[1], cases(write_junit(*contract)), strict=False):
        assert f"[[ATTACHMENT|{result.trace_file}]]" in (case.findtext("system-out") or "")
        assert result.trace_file.startswith("roomcheck-report/traces/")


def test_gitlab_reads_a_file_of_thousands_of_findings() -> None:
    """It takes 30 MB at most."""
    text = write_junit(HEADER, [violating(f"vendor/status/back/{i}") for i in range(MANY)], FOOTER)

    assert len(text.encode()) < FILE_LIMIT
    assert len(cases(text)) == MANY


@pytest.mark.parametrize("schema", ["junit-10-2014", "junit-10-surefire"])
@pytest.mark.parametrize("what", ["search", "contract"])
def test_jenkins_takes_the_strict_form(schema: str, what: str, request: pytest.FixtureRequest) -> None:
    """Both revisions of the xunit plugin's schema, for a whole run and a whole search, whole or cut short."""
    header, results, footer = request.getfixturevalue(what)
    xsd = etree.XMLSchema(etree.parse(SCHEMAS / f"{schema}.xsd"))

    for end in (footer, None):
        xsd.assertValid(etree.fromstring(write_junit(header, [*results, absent()], end, strict=True).encode()))
    assert not xsd.validate(etree.fromstring(write_junit(header, results, footer).encode()))


@pytest.mark.parametrize("what", ["search", "contract"])
def test_junitparser_counts_the_same(what: str, request: pytest.FixtureRequest) -> None:
    """As many cases and failures as the stream has."""
    stream: Stream = request.getfixturevalue(what)
    xml = JUnitXml.fromroot(etree.parse(io.BytesIO(write_junit(*stream).encode())).getroot())

    assert xml.tests == len(stream[1])
    assert xml.failures == sum(r.outcome == "violates" for r in stream[1]) > 0
    assert xml.errors == xml.skipped == 0


@pytest.mark.skipif(shutil.which("npx") is None, reason="there is no npx here")
def test_a_reader_from_npm_shows_it(contract: Stream, browser: webdriver.Chrome, tmp_path: Path) -> None:
    """xunit-viewer's page has the suite, how many passed and failed, and the failed case with its words."""
    header, results, footer = contract
    bad = next(r for r in results if r.outcome == "violates")
    junit, page = tmp_path / "junit.xml", tmp_path / "page.html"
    junit.write_text(write_junit(header, results, footer), encoding="utf-8")
    words = [ROOT / "ci" / "view-junit", junit, page]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    browser.get(page.as_uri())
    body = browser.find_element(By.TAG_NAME, "body")
    WebDriverWait(browser, PATIENCE).until(lambda _: f"{header.spec} on {header.target}" in body.text)

    failed = sum(r.outcome == "violates" for r in results)
    assert f"/ {len(results) - failed} {failed} / {failed}" in " ".join(body.text.split())
    assert bad.case in str(body.get_attribute("textContent"))
    assert bad.message in str(body.get_attribute("textContent"))
