"""A scheduler and workers for docker compose and Kubernetes: sound to those who know them, and their lines search."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from ci.templates import TEMPLATES, checkout
from roomcheck.run.campaign import reading, standing
from support.processes import PATIENCE

COMPOSE = TEMPLATES / "cluster" / "compose.yaml"
KUBERNETES = TEMPLATES / "cluster" / "kubernetes.yaml"

Lines = Mapping[str, str]


def of_compose() -> tuple[Lines, Mapping[str, str]]:
    """The shell lines of each service, without those that install, and the variables."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    lines = {name: one["command"][-1].replace("$$", "$") for name, one in services.items()}
    kept = {name: "\n".join(x for x in text.splitlines() if "pip install" not in x) for name, text in lines.items()}
    return kept, services["search"]["environment"]


def of_kubernetes() -> tuple[Lines, Mapping[str, str]]:
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")))
    pods = [d["spec"]["template"] for d in documents if "template" in d.get("spec", {})]
    lines = {pod["metadata"]["labels"]["part"]: pod["spec"]["containers"][0]["command"][-1].strip() for pod in pods}
    (data,) = [d["data"] for d in documents if d["kind"] == "ConfigMap"]
    return lines, data


def test_compose_fits_its_schema(tmp_path: Path) -> None:
    """And not with a misspelt key."""
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text(encoding="utf-8").replace("depends_on", "depends"), encoding="utf-8")

    def check(path: Path) -> int:
        return CliRunner().invoke(check_jsonschema, ["--builtin-schema", "vendor.compose-spec", str(path)]).exit_code

    assert check(COMPOSE) == 0
    assert check(wrong) != 0


def test_the_manifest_fits_its_schemas() -> None:
    """Each of its documents, and none with a misspelt key."""
    for document in yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")):
        kubernetes_validate.validate(document, "1.30", strict=True)
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate({**document, "metadate": {}}, "1.30", strict=True)


def test_the_parts_of_the_manifest_fit_together() -> None:
    """The service finds the scheduler, each workload its own pods, and the address names the service."""
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8")))
    kinds = {(d["kind"], d["metadata"]["name"]): d for d in documents}
    service = kinds["Service", "roomcheck-scheduler"]["spec"]
    labels = kinds["Deployment", "roomcheck-scheduler"]["spec"]["template"]["metadata"]["labels"]

    assert service["selector"] == labels
    assert of_kubernetes()[1]["SCHEDULER"] == f"tcp://roomcheck-scheduler:{service['ports'][0]['port']}"
    for (kind, _), document in kinds.items():
        if kind == "Deployment":
            spec = document["spec"]
            assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert of_kubernetes()[0] == of_compose()[0]


@pytest.mark.night
@pytest.mark.parametrize("read", [of_compose, of_kubernetes])
def test_the_shell_lines_search(read: Any, tmp_path: Path) -> None:
    """With a scheduler and a worker of Dask's, on loopback."""
    lines, variables = read()
    folder = checkout(tmp_path / "repository")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    assert set(variables) == {"LISTEN", "SCHEDULER", "ARGUMENTS"}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "LISTEN": address, "SCHEDULER": address,
        "ARGUMENTS": "--target room --schedules 10",
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        for name in ("scheduler", "worker"):
            words = ["bash", "-euc", lines[name]]
            null = subprocess.DEVNULL
            process = stack.enter_context(subprocess.Popen(words, cwd=folder, env=env, stdout=null, stderr=null))
            stack.callback(process.terminate)
        words = ["bash", "-euc", lines["search"]]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with reading(folder / "campaign") as store:
        assert standing(store).played == 10
