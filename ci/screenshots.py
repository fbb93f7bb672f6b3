"""Takes the pictures that docs/ shows, with Chromium: `.venv/bin/python ci/screenshots.py`.

With the folder of a matrix that was played, `ci/screenshots.py roomcheck-matrix`, it takes that of the matrix from its
streams, and no other.
"""

import base64
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

DOCS = Path(__file__).parents[1] / "docs"
SIZES = (("", 1280, 900), ("-narrow", 400, 1000))
TALL = 2_000  # a case is taken whole, and only what the window shows is taken
CASE = "back-after-heartbeat-timeout/cut"
CASES = ("-k", "back-", "-k", "kick", "-k", "login-")
DEFECTS = ("kick-told-twice", "leave-told-late", "never-reconnected", "no-list-after-login")
TRIES = 8


def report(folder: Path, code: int, *words: str) -> str:
    """Play until the run ends with this exit code, which a busy machine may put off; the address of the page."""
    command = [sys.executable, "-m", "roomcheck", "run", "--quiet", *words]
    for _ in range(TRIES):
        done = subprocess.run(command, cwd=DOCS.parent, stdout=subprocess.DEVNULL, timeout=300, check=False)
        if done.returncode == code:
            shutil.move(DOCS.parent / "roomcheck-report", folder)
            return (folder / "report.html").as_uri()
    sys.exit(f"{' '.join(command)} ended with {done.returncode}")


def site(folder: Path) -> str:
    """A site of the conforming room and of broken ones, played in virtual time; the address of its contract's page."""
    streams = []
    for defect in ("", *DEFECTS):
        more = ["--defect", defect] if defect else []
        words = ["run", "--quiet", "--simulate", "--report-dir", str(folder / f"run-{defect}"), *more]
        subprocess.run([sys.executable, "-m", "roomcheck", *words], stdout=subprocess.DEVNULL, timeout=300, check=False)
        streams.append(str(folder / f"run-{defect}" / "run.ndjson"))
    return made(streams, folder)


def made(streams: list[str], folder: Path) -> str:
    """A site of these streams, which have one contract; the address of its page."""
    command = [sys.executable, "-m", "roomcheck", "site", *streams, "--out", str(folder / "site")]
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=300, check=True)
    (page,) = (folder / "site" / "contracts").glob("*.html")
    return page.as_uri()


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def resize(driver: webdriver.Chrome, width: int, height: int) -> None:
    """A window of this size, one pixel for each of the page's."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def take_matrix(folder: str) -> None:
    """Who keeps a contract, of the servers and clients of a matrix."""
    streams = [str(file) for file in sorted(Path(folder).glob("*/run.ndjson"))]
    with tempfile.TemporaryDirectory() as place, browser() as driver:
        page = made(streams, Path(place))
        for suffix, width, height in SIZES:
            resize(driver, width, height)
            driver.get(page)
            driver.save_screenshot(str(DOCS / f"matrix{suffix}.png"))


def main() -> None:
    """The overview and a failing case of a room with a defect, and the same case of the one without."""
    with tempfile.TemporaryDirectory() as place, browser() as driver:
        failing = report(Path(place, "bad"), 1, "--defect", "never-reconnected", *CASES)
        passing = report(Path(place, "good"), 0, "-k", CASE)
        both = site(Path(place))
        for suffix, width, height in SIZES:
            resize(driver, width, height)
            driver.get(failing)
            driver.save_screenshot(str(DOCS / f"report{suffix}.png"))
            driver.get(both)
            driver.save_screenshot(str(DOCS / f"site{suffix}.png"))
            for name, page in (("failing", failing), ("passing", passing)):
                resize(driver, width, TALL)
                driver.get(page)
                case = driver.find_element(By.XPATH, f"//details[summary/b='{CASE}']")
                driver.execute_script("arguments[0].open = true", case)
                clip = {"x": 0, "y": case.rect["y"], "width": width, "height": case.rect["height"], "scale": 1}
                shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip})
                (DOCS / f"report-{name}{suffix}.png").write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    take_matrix(sys.argv[1]) if sys.argv[1:] else main()
