"""The templates of ci/templates and our own workflows as a CI service reads them, and their shell lines run as that service would."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from roomcheck.resources import cache_dir, root
from support.processes import PATIENCE

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "ci" / "templates"
ACTION = TEMPLATES / "github" / "action.yml"
WORKFLOW = TEMPLATES / "github" / "roomcheck.yml"
GITLAB = TEMPLATES / "gitlab" / "roomcheck.gitlab-ci.yml"
SITE = TEMPLATES / "github" / "roomcheck-site.yml"
PAGES = TEMPLATES / "gitlab" / "roomcheck-pages.gitlab-ci.yml"
NIGHTS = TEMPLATES / "github" / "roomcheck-campaign.yml"
NIGHTS_GITLAB = TEMPLATES / "gitlab" / "roomcheck-campaign.gitlab-ci.yml"
JENKINS = TEMPLATES / "jenkins" / "Jenkinsfile"
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))  # of this repository itself


@dataclass(frozen=True)
class Script:
    """Some shell lines, the variables that the template gives them, and whether they come after a failure too."""

    name: str
    text: str
    env: Mapping[str, str]
    always: bool = False

    def installed(self) -> "Script":
        """Without the lines that install, where that was done before: each takes seconds."""
        kept = [line for line in self.text.splitlines() if "-m venv" not in line and "pip install" not in line]
        return replace(self, text="\n".join(kept) or "true")


def parsed(path: Path) -> dict[str, Any]:
    """A YAML file; `on`, which YAML takes for a truth, is left as it is."""
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def github(job: str, shard: int, more: str) -> Iterator[Script]:
    """The steps of the action, as a job of the workflow uses it; `more` is added to its arguments."""
    action = parsed(ACTION)
    (use,) = [s["with"] for s in parsed(WORKFLOW)["jobs"][job]["steps"] if s["uses"].startswith("./")]
    assert set(use) <= set(action["inputs"])
    values = {f"inputs.{name}": one.get("default", "") for name, one in action["inputs"].items()}
    known = {"matrix.shard": str(shard), "github.run_number": "7", "github.run_id": "11"}
    values |= {f"inputs.{name}": _filled(value, known) for name, value in use.items()}
    values["inputs.arguments"] += f" {more}"
    for step in action["runs"]["steps"]:
        if "run" in step:
            assert step["shell"] == "bash"
            env = {name: _filled(value, values) for name, value in step.get("env", {}).items()}
            env["GITHUB_ACTION_PATH"] = str(ACTION.parent)
            yield Script(step["name"], step["run"], env, "always()" in step.get("if", ""))


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its expressions replaced; KeyError for one that is not known here."""
    return re.sub(r"\$\{\{\s*([\w.]+)\s*\}\}", lambda match: values[match[1]], str(text))


def gitlab(job: str, shard: int, more: str, folder: Path) -> Iterator[Script]:
    """The scripts of a job, with what it extends."""
    document = parsed(GITLAB)
    one = {**document[document[job]["extends"]], **document[job]}
    env = {name: str(value).replace("$CI_PROJECT_DIR", str(folder)) for name, value in document["variables"].items()}
    env |= {name: value.replace("$CI_NODE_INDEX", str(shard)) for name, value in one["variables"].items()}
    env |= {"CI_NODE_INDEX": str(shard), "CI_NODE_TOTAL": str(one.get("parallel", 1)), "CI_PIPELINE_IID": "7"}
    env["ROOMCHECK_ARGUMENTS"] = more
    yield Script("script", "\n".join([*one["before_script"], *one["script"]]), env)
    yield Script("after_script", "\n".join(one["after_script"]), env, always=True)


def nights(service: str, more: str, folder: Path) -> Iterator[Script]:
    """What one machine does in a night; `more` are its arguments."""
    if service == "github":
        (job,) = parsed(NIGHTS)["jobs"].values()
        known = {"matrix.machine": "2", "secrets.ROOMCHECK_DATABASE": ""}
        env = {name: _filled(value, known) for name, value in job["env"].items()} | {"ROOMCHECK_ARGUMENTS": more}
        for step in job["steps"]:
            if "run" in step:
                yield Script(step["name"], step["run"], env, "always()" in step.get("if", ""))
    else:
        (job,) = parsed(NIGHTS_GITLAB).values()
        env = {name: str(value).replace("$CI_PROJECT_DIR", str(folder)) for name, value in job["variables"].items()}
        env |= {"CI_NODE_INDEX": "2", "ROOMCHECK_ARGUMENTS": more}
        yield Script("script", "\n".join([*job["before_script"], *job["script"]]), env)
        yield Script("after_script", "\n".join(job["after_script"]), env, always=True)


def publishing(service: str) -> Iterator[Script]:
    """What puts the site where everybody sees it."""
    if service == "github":
        (job,) = parsed(SITE)["jobs"].values()
        yield from (Script(step["name"], step["run"], {}) for step in job["steps"] if "run" in step)
    else:
        job = parsed(PAGES)["pages"]
        package = parsed(GITLAB)["variables"]["ROOMCHECK_PACKAGE"]
        yield Script("pages", "\n".join([*job["before_script"], *job["script"]]), {"ROOMCHECK_PACKAGE": package})


def jenkins(stage: str, shard: int, more: str) -> Iterator[Script]:
    """The sh steps of a stage, in their order; those after `post` come after a failure too."""
    text = JENKINS.read_text(encoding="utf-8")
    env = dict(re.findall(r"^\s+(ROOMCHECK_\w+) = '(.*)'", text, re.MULTILINE))
    env |= {"SHARD": str(shard), "BUILD_NUMBER": "7", "ROOMCHECK_ARGUMENTS": more}
    _, _, part = text.partition(f"stage('{stage}')")
    part = part.partition("    stage('search')")[0]
    for match in re.finditer(r"sh '''(.*?)'''", part, re.DOTALL):
        script = match[1].replace("\\\n", "")  # Groovy joins these lines
        yield Script(stage, script, env, always="post {" in part[: match.start()])


def run(script: Script, folder: Path, python: Path) -> tuple[int, str]:
    """Exit code and output of a script in a checkout's folder; `python` is the folder of programs that goes first."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    env |= {**script.env, "PATH": f"{python}{os.pathsep}{env['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    # the caches of whoever runs the tests: each of these checkouts is new, and so would be what it builds and fetches
    env |= {
        "PIP_CACHE_DIR": _pip_cache(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
        "ROOMCHECK_CACHE": str(cache_dir()),
    }
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script.text]
    done = subprocess.run(
        words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def _pip_cache() -> str:
    words = [sys.executable, "-m", "pip", "cache", "dir"]
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()


def checkout(folder: Path) -> Path:
    """A room's repository as the templates want it: this project in roomcheck/, the target in room/."""
    folder.mkdir()
    (folder / "roomcheck").symlink_to(ROOT)
    (folder / "room").mkdir()
    target = root() / "fixtures" / "targets" / "reference" / "target.yaml"
    (folder / "room" / "target.yaml").write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
    return folder
