"""The templates for CI services, and our own workflows: sound to those who know the services, and their shell lines do what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from junitparser import JUnitXml

from ci.templates import (
    ACTION,
    GITLAB,
    JENKINS,
    NIGHTS,
    NIGHTS_GITLAB,
    OWN,
    PAGES,
    SITE,
    TEMPLATES,
    WORKFLOW,
    Script,
    checkout,
    github,
    gitlab,
    jenkins,
    nights,
    parsed,
    publishing,
)
from ci.templates import run as run_script
from roomcheck.cli import command
from roomcheck.cli.files import REFERENCE, target_names
from roomcheck.cli.targets import open_target
from roomcheck.faults.provision import VERSION
from roomcheck.report.exitcode import AS_EXPECTED, INCONCLUSIVE
from roomcheck.run.campaign import reading, standing
from support.chosen import asked
from support.processes import PATIENCE
from support.runs import Reports

ROOT = TEMPLATES.parents[1]
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
GROOVY = "npm-groovy-lint@15.2.2"  # the last that Node 20 runs
CASES = "-k kick -k login-alone -k login-twice --scale 100"
SEARCH = "--schedules 2 --scale 100"
ENDED = {AS_EXPECTED, INCONCLUSIVE}  # the shell lines are right, also where the machine was too late to tell of a case
SERVICES = ("github", "gitlab", "jenkins")
PLAYED = ["github", *(pytest.param(name, marks=pytest.mark.night) for name in SERVICES[1:])]


def has(*programs: str) -> pytest.MarkDecorator:
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"there is no {' and no '.join(missing)} here")


# --- what the services say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("github-actions", ACTION),
        ("github-workflows", WORKFLOW),
        ("gitlab-ci", GITLAB),
        ("github-workflows", SITE),
        ("gitlab-ci", PAGES),
        ("github-workflows", NIGHTS),
        ("gitlab-ci", NIGHTS_GITLAB),
        *(("github-workflows", file) for file in OWN),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_a_file_fits_the_services_schema(schema: str, file: Path, tmp_path: Path) -> None:
    """And one with a misspelt key does not."""

    def check(path: Path) -> int:
        return CliRunner().invoke(check_jsonschema, ["--builtin-schema", f"vendor.{schema}", str(path)]).exit_code

    wrong = tmp_path / file.name
    wrong.write_text(re.sub("(steps|script):", "stebs:", file.read_text(encoding="utf-8")), encoding="utf-8")

    assert check(file) == 0
    assert check(wrong) != 0


@has("go", "git")
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """It knows expressions, and which inputs the actions take, ours too."""
    env = {**os.environ, "GOBIN": str(tmp_path)}
    subprocess.run(["go", "install", ACTIONLINT], env=env, check=True, timeout=PATIENCE)
    folder = checkout(tmp_path / "repository")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    workflow = folder / ".github" / "workflows" / "roomcheck.yml"
    workflow.parent.mkdir(parents=True)

    def lint(text: str) -> str:
        workflow.write_text(text, encoding="utf-8")
        words = [str(tmp_path / "actionlint"), "-no-color", "-shellcheck=", "-pyflakes="]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.stdout + done.stderr * (done.returncode > 1)

    text = WORKFLOW.read_text(encoding="utf-8")
    assert lint(text) == ""
    assert [lint(file.read_text(encoding="utf-8")) for file in (SITE, NIGHTS, *OWN)] == [""] * (len(OWN) + 2)
    assert 'input "tarqet" is not defined' in lint(text.replace("target:", "tarqet:"))


@pytest.mark.night
@has("npx", "java")
def test_the_jenkinsfile_can_be_read_by_groovy(tmp_path: Path) -> None:
    """No package knows Jenkins' declarative pipelines without a Jenkins; so the steps' names are checked by nobody."""
    text = JENKINS.read_text(encoding="utf-8")
    for name, content in (("good", text), ("bad", text.replace("post {", "post", 1))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Jenkinsfile").write_text(content, encoding="utf-8")
    words = [
        "npx",
        "--yes",
        GROOVY,
        "--path",
        str(tmp_path),
        "--files",
        "**/Jenkinsfile",
        "--noserver",
        "--output",
        "json",
    ]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    found = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])["files"]
    errors = {
        Path(file).parent.name: [e for e in one["errors"] if e["severity"] == "error"] for file, one in found.items()
    }

    assert errors["good"] == []
    assert errors["bad"]


# --- what they promise -----------------------------------------------------------------------------------------------


def test_the_toxiproxy_that_is_kept_is_the_one_that_is_used() -> None:
    """A key with another version would keep what nobody uses any more."""
    keys = [f"roomcheck-toxiproxy-{VERSION}" in p.read_text(encoding="utf-8") for p in (ACTION, GITLAB, *OWN)]

    assert keys == [True] * 4


def test_the_schedules_that_failed_are_kept_after_a_failure() -> None:
    """A cache that is written after a success alone would forget just these."""
    (save,) = [s for s in parsed(ACTION)["runs"]["steps"] if "cache/save" in s.get("uses", "")]
    (examples,) = [c for c in parsed(GITLAB)["roomcheck search"]["cache"] if ".roomcheck" in c["paths"]]

    assert save["if"].startswith("always()")
    assert examples["when"] == "always"


def test_shards_are_as_many_as_are_counted() -> None:
    """1/4 to 4/4 in every template, so that all of them together are the whole."""
    job = parsed(WORKFLOW)["jobs"]["contract"]
    values = re.search(r"values (.*)", JENKINS.read_text(encoding="utf-8"))
    shards = job["strategy"]["matrix"]["shard"]

    assert shards == list(range(1, len(shards) + 1))
    assert job["steps"][-1]["with"]["arguments"].endswith(f"/{len(shards)}")
    assert parsed(GITLAB)["roomcheck"]["parallel"] == len(shards)
    assert values is not None
    assert values[1] == ", ".join(f"'{s}'" for s in shards)
    assert f'--shard "$SHARD/{len(shards)}"' in JENKINS.read_text(encoding="utf-8")


def test_two_jobs_of_a_run_do_not_write_the_same_artifact() -> None:
    """The second would be refused, or replace the first."""
    names = [j["steps"][-1]["with"]["report"] for j in parsed(WORKFLOW)["jobs"].values()]

    assert len(set(names)) == len(names)
    assert "${{ matrix.shard }}" in names[0]


def test_our_own_workflows_call_scripts_that_are_there() -> None:
    """So what a service does can be done by hand, with the same words."""
    lines = [s["run"].split() for file in OWN for j in parsed(file)["jobs"].values() for s in j["steps"] if "run" in s]

    assert sorted(words[0] for words in lines) == ["ci/nightly", "ci/third-party"]
    for script, *_ in lines:
        assert os.access(ROOT / script, os.X_OK)
        assert len((ROOT / script).read_text(encoding="utf-8").splitlines()) <= 20


def test_the_night_plays_every_room_that_others_wrote() -> None:
    """One that is added joins it, in the workflow and in the script's own list, and so do the long tests."""
    pairs = {open_target(name).label for name in target_names()} - {REFERENCE}
    (job,) = parsed(ROOT / ".github" / "workflows" / "nightly.yml")["jobs"].values()
    usual = re.search(r"set -- (.*)", (ROOT / "ci" / "nightly").read_text(encoding="utf-8"))

    assert usual is not None
    first, *names = usual[1].split()
    assert job["strategy"]["matrix"]["target"] == [first, *names]
    assert first == "tests"
    assert sorted(open_target(name).label for name in names) == sorted(pairs)  # a pair is named by one of its parts


# --- their shell lines -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flow:
    """What the scripts of a service did in one checkout: output by stage, and where the reports are."""

    said: dict[str, str]
    codes: dict[str, list[int]]
    contract: Path
    search: Path


def scripts(service: str, job: str, shard: int, more: str, folder: Path) -> Iterator[Script]:
    match service:
        case "github":
            yield from github("contract" if job == "contract" else "search", shard, more)
        case "gitlab":
            yield from gitlab("roomcheck" if job == "contract" else "roomcheck search", shard, more, folder)
        case _:
            yield from jenkins(job, shard, more)


def flow(service: str, folder: Path) -> Flow:
    """Play the second shard, cut its stream as a kill would, mend that, and search; what is installed is these tests'."""
    checkout(folder)
    python = Path(sys.executable).parent
    (folder / ".roomcheck-venv").symlink_to(python.parent)
    said: dict[str, str] = {}
    codes: dict[str, list[int]] = {}

    def play(stage: str, some: list[Script]) -> None:
        ended = [run_script(script, folder, python) for script in some]
        codes[stage] = [code for code, _ in ended]
        said[stage] = "\n".join(text for _, text in ended)

    steps = [s.installed() for s in scripts(service, "contract", 2, CASES, folder)]
    play("contract", steps)
    contract = folder / "roomcheck-report" / ("" if service == "github" else "2")
    stream = contract / "run.ndjson"
    if stream.exists():
        lines = stream.read_text(encoding="utf-8").splitlines(keepends=True)
        shutil.copytree(contract, folder / "whole")
        stream.write_text("".join(lines[:-1]), encoding="utf-8")
        (contract / "junit.xml").unlink()
        play("killed", [s for s in steps if s.always])
        shutil.copytree(contract, folder / "killed")
    search = list(scripts(service, "search", 1, SEARCH, folder))
    play("search", [s.installed() for s in search])
    return Flow(said, codes, folder / "whole", folder / "roomcheck-report" / ("" if service == "github" else "search"))


@pytest.fixture(scope="module")
def flows(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Flow]]]:
    """The services whose tests were selected, side by side."""
    base = tmp_path_factory.mktemp("checkouts")
    chosen = [name for name in SERVICES if name in asked(request, __file__)]
    with ThreadPoolExecutor(len(SERVICES)) as threads:
        yield {service: threads.submit(flow, service, base / service) for service in chosen}


@pytest.mark.parametrize("service", PLAYED)
def test_the_shell_lines_play_a_shard(service: str, flows: dict[str, Future[Flow]]) -> None:
    """As a user's job does it; JUnit, page and stream are where the template collects them."""
    one = flows[service].result()

    assert set(one.codes["contract"]) <= ENDED, one.said["contract"]
    assert JUnitXml.fromfile(str(one.contract / "junit.xml")).tests > 0
    assert (one.contract / "report.html").is_file()
    assert Reports(one.contract).footer.complete


@pytest.mark.night
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("job", ["contract", "search"])
def test_the_shell_lines_install(job: str, service: str, tmp_path: Path) -> None:
    """From this project, as a user's job does it, and what they installed plays."""
    folder = checkout(tmp_path / "repository")
    python = Path(sys.executable).parent
    if service == "github":  # which installs into the Python that its job has set up
        subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True, timeout=PATIENCE)
        python = folder / "python" / "bin"
    more = CASES if job == "contract" else SEARCH

    for script in scripts(service, job, 2, more, folder):
        code, said = run_script(script, folder, python)
        assert code in ENDED, said
    assert list((folder / "roomcheck-report").rglob("junit.xml"))


@pytest.mark.parametrize("service", PLAYED)
def test_the_shell_lines_mend_the_reports_of_a_run_that_was_killed(
    service: str, flows: dict[str, Future[Flow]]
) -> None:
    """Its stream has no end, and nobody wrote a JUnit file: the lines that always run make one, with an error."""
    one = flows[service].result()

    said = [str(error.message) for error in Reports(one.contract.parent / "killed").errors()]
    assert len([words for words in said if words.startswith("the run was cut short")]) == 1, one.said["killed"]


@pytest.mark.parametrize("service", PLAYED)
def test_the_shell_lines_search(service: str, flows: dict[str, Future[Flow]]) -> None:
    """Random schedules with a seed of the build, and a database where the template keeps it."""
    one = flows[service].result()

    assert set(one.codes["search"]) <= ENDED, one.said["search"]
    assert all("random" in r.case or "known" in r.case for r in Reports(one.search).stream()[1])


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of two shards, one of which was killed."""
    folder = tmp_path_factory.mktemp("shards")
    for shard in ("1", "2"):
        words = ["run", "--simulate", "-q", "-k", "kick", "--shard", f"{shard}/2", "--report-dir", str(folder / shard)]
        CliRunner().invoke(command, words)
    stream = folder / "2" / "run.ndjson"
    stream.write_text("".join(stream.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    return folder


def published(service: str, folder: Path) -> Path:
    """The site as the service shows it."""
    if service == "gitlab":
        return folder / "public"
    shown = folder.parent / "shown"
    shutil.rmtree(shown, ignore_errors=True)
    words = ["git", "clone", "--quiet", "--branch", "roomcheck-site", str(folder.parent / "origin.git"), str(shown)]
    subprocess.run(words, check=True, timeout=PATIENCE)
    assert len(subprocess.check_output(["git", "-C", shown, "log", "--format=%h"]).split()) == 1
    return shown


@has("git")
@pytest.mark.parametrize("service", PLAYED[:2])
def test_the_shell_lines_publish_and_keep_what_was_there(service: str, shards: Path, tmp_path: Path) -> None:
    """The first time and the next: the site has the runs of both, also those that were cut short, and no file of theirs."""
    folder = checkout(tmp_path / "repository")
    python = Path(sys.executable).parent
    (folder / ".roomcheck-venv").symlink_to(python.parent)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-C", str(folder)]
    for words in (["init", "--quiet"], ["add", "room"], ["commit", "--quiet", "-m", "A room"]):
        subprocess.run([*git, *words], check=True, timeout=PATIENCE)
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", str(folder), str(tmp_path / "origin.git")], check=True, timeout=PATIENCE
    )
    subprocess.run([*git, "remote", "add", "origin", str(tmp_path / "origin.git")], check=True, timeout=PATIENCE)
    for number, shard in enumerate(("1", "2"), 1):
        reports = folder / ("roomcheck-reports" if service == "github" else "roomcheck-report")
        shutil.rmtree(reports, ignore_errors=True)
        shutil.copytree(shards / shard, reports / f"roomcheck-report-{shard}")
        if service == "github":  # each job has a checkout of its own
            subprocess.run([*git, "worktree", "remove", "--force", "roomcheck-site"], check=False, timeout=PATIENCE)
        for script in publishing(service):
            code, said = run_script(script.installed(), folder, python)
            assert code == 0, said
        site = published(service, folder)
        assert (site / "index.html").is_file()
        assert not (site / "room").exists()
        assert len(list(site.glob("runs/*/report.html"))) == number


@pytest.mark.parametrize("service", PLAYED[:2])
def test_the_shell_lines_go_on_with_a_campaign(service: str, tmp_path: Path) -> None:
    """Two nights of one machine are one search, and there is a page of both."""
    folder = checkout(tmp_path / "repository")
    python = Path(sys.executable).parent
    (folder / ".roomcheck-venv").symlink_to(python.parent)
    for schedules in (2, 3):
        for script in nights(service, f"--schedules {schedules} --scale 100", folder):
            code, said = run_script(script.installed(), folder, python)
            assert code in ENDED, said
    (place,) = [path for path in folder.glob("campaign*") if path.is_dir()]
    with reading(place) as store:
        now = standing(store)

    assert (now.sittings, now.facts["seed"]) == (2, "2")
    assert now.played >= 3
    assert (place / "campaign.html").is_file()


def test_a_pull_request_publishes_nothing() -> None:
    """What somebody proposes is played, and is not what the project says of itself."""
    (job,) = parsed(SITE)["jobs"].values()

    assert job["if"].startswith("github.event.workflow_run.event == 'push' && ")
    assert parsed(SITE)["concurrency"]
    assert [rule["if"] for rule in parsed(PAGES)["pages"]["rules"]] == [
        '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI_PIPELINE_SOURCE != "schedule"'
    ]
    assert parsed(PAGES)["pages"]["needs"] == ["roomcheck"]


def test_no_template_names_a_registry() -> None:
    """What pip installs is the user's to say, and from where is pip's to know."""
    text = "".join(p.read_text(encoding="utf-8") for p in TEMPLATES.rglob("*") if p.is_file())

    assert not re.findall(r"https?://|index-url|pypi|registry", text)
